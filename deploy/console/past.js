// Events from before the page was opened, read from the log by the long poll (contract §15).

import { compareCursors } from "./causeway/causeway.js";
import { moment } from "./format.js";
import { askJSON } from "./requests.js";

/** How far back the page reads by itself, in milliseconds. */
const WINDOW = 3_600_000;
/** What it reads by itself. The other types are those that can be many. */
const TYPES = "incident.*,investigation.*,approval.*,remediation.*,job.*,issue.*,pattern.*,webhook.*";
/** Maximum number of documents that are read at once, and of events in each. */
const MOST_DOCUMENTS = 5;
const MOST_EVENTS = 1000;
/** In milliseconds; the server may have to read events from disk. */
const PATIENCE = 30_000;

export class Past {
    #causeway;

    constructor(causeway) {
        this.#causeway = causeway;
    }

    /** Reads the last hour's events of incidents, approvals and jobs, the oldest first: at most 5,000. */
    async recent() {
        return (await this.#since(Date.now() - WINDOW, TYPES)).events;
    }

    /**
     * Reads events of all types, the oldest first: at most 5,000. `from`: milliseconds since 1970; NaN for the last hour. `isComplete`: up to the end of the log.
     */
    search(from) {
        return this.#since(Number.isFinite(from) ? from : Date.now() - WINDOW);
    }

    async #since(from, types) {
        const cursor = await this.#cursor((item) => moment(item.createdAt) < from);
        const read = [];
        const isComplete = await this.#read(cursor, types, (events) => void read.push(...events));
        return { events: read.filter(({ timestamp }) => moment(timestamp) >= from), isComplete };
    }

    /** Asks the producer's service for what it keeps of an event (contract §10). It answers admins. */
    stored(id) {
        return askJSON(this.#causeway, `/v1/events/${encodeURIComponent(id)}`);
    }

    /** Reads one event; undefined if it was not found. `isAdmin`: the service may be asked for it. */
    async find(id, isAdmin) {
        if (isAdmin) {
            try {
                return await this.stored(id);
            } catch {
                // It may still be among the events that this user may follow.
            }
        }
        const cursor = await this.#cursor((item) => compareCursors(idOf(item), id) < 0);
        let found;
        await this.#read(cursor, undefined, (events) => {
            found = events.find((event) => event.id === id);
            return found !== undefined || compareCursors(events.at(-1)?.id, id) > 0;
        });
        return found;
    }

    /**
     * Returns a place in the log: the latest notification that is early enough, as the log cannot be read from a time. If there are too many, the
     * earliest of those that were read; if there are few, the beginning of the log.
     */
    async #cursor(isEarly) {
        const { items, nextCursor } = await askJSON(this.#causeway, "/v1/notifications?limit=200");
        const early = items.find(isEarly);
        if (early) return idOf(early);
        return nextCursor === null ? "" : idOf(items.at(-1));
    }

    /** Returns whether it came to the end of the log. */
    async #read(cursor, types, take) {
        let place = cursor;
        for (let number = 0; number < MOST_DOCUMENTS; number += 1) {
            const query = new URLSearchParams({ last_event_id: place, wait: "0s", limit: MOST_EVENTS, ...(types ? { types } : {}) });
            const document = await askJSON(this.#causeway, `/v1/events?${query}`, { patience: PATIENCE });
            if (document.events.length === 0) return true;
            if (take(document.events)) return false;
            place = document.cursor;
        }
        return false;
    }
}

/** The event of a notification (contract §8). */
function idOf({ notificationId }) {
    return notificationId.replace(/^ntf_/, "evt_");
}
