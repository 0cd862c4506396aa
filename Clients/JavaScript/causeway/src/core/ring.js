import { placeOf } from "./updates.js";

/** How many updates a leader keeps for tabs that join later. A tab that needs older ones reads them from the server. */
export const RING_UPDATES = 5_000;

/** The last updates of a leader, for tabs that join later. */
export class Ring {
    /** The position of the leader's connection. */
    place;
    /** The position after which the ring has every update. */
    #from;
    #updates = [];
    #compare;
    #keeps;

    constructor(from, { compare, keeps = true }) {
        this.place = this.#from = from;
        this.#compare = compare;
        this.#keeps = keeps;
    }

    push(update) {
        if (!this.#keeps) return;
        const place = placeOf(update);
        if (place) this.place = place;
        this.#from ??= place;
        if (update.kind !== "event" && update.kind !== "gap") return;
        if (update.restarts) {
            this.#updates = [];
            this.#from = "";
        }
        if (update.detail.reason === "unknown_cursor") {
            // Another log: the server answers tabs whose position is in the old one.
            this.#updates = [];
            this.#from = place ?? this.#from;
            return;
        }
        this.#updates.push(update);
        // Several at a time: removing one from the front of a long array moves all others.
        if (this.#updates.length > RING_UPDATES * 1.25) {
            const dropped = this.#updates.splice(0, this.#updates.length - RING_UPDATES);
            this.#from = placeOf(dropped.findLast(placeOf)) ?? this.#from;
        }
    }

    /** Returns the updates after a position; undefined if the ring does not have them all. Without a position none are wanted. */
    after(place) {
        if (place === undefined || !this.#keeps) return [];
        if (place !== this.#from && !(this.#compare(place, this.#from) >= 0)) return undefined;
        // The position is in another execution than the updates: the server has both.
        if (Number.isNaN(this.#compare(place, this.place))) return undefined;
        const first = this.#updates.findIndex((update) => place === this.#from || this.#compare(placeOf(update), place) > 0);
        return first < 0 ? [] : this.#updates.slice(first);
    }
}
