import { CausewayError } from "./core/errors.js";
import { FAMILIES, laneOf } from "./core/relay-lanes.js";
import { errorUpdate } from "./core/updates.js";
import { EventStream } from "./event-stream.js";

/** A stream of the events of subscribed incidents, with methods to subscribe and to send commands. */
export class RelayStream extends EventStream {
    #wanted = new Set();
    /** Incidents whose subscription is not answered yet. */
    #subscribing = new Set();
    #lastEventId;

    /** @private */
    constructor(context, protocol, lastEventId) {
        super(context, protocol, undefined);
        this.#lastEventId = lastEventId;
    }

    /**
     * Subscribes to the investigation and the remediation of an incident. The subscription survives reconnects and a change of the leader.
     *
     * @param {string} incidentId
     * @param {{ lastEventId?: string }} [options] The event to resume after; see `Causeway#notifications`.
     */
    async subscribe(incidentId, { lastEventId = this.#lastEventId } = {}) {
        this.#wanted.add(incidentId);
        for (const family of FAMILIES) {
            const lane = laneOf(family, incidentId);
            if (lastEventId === undefined) this._member.places.delete(lane);
            else this._member.places.set(lane, lastEventId);
        }
        try {
            await this.#subscribe(incidentId);
        } catch (error) {
            this.#wanted.delete(incidentId);
            throw error;
        }
    }

    /** Withdraws the subscription. @param {string} incidentId */
    async unsubscribe(incidentId) {
        if (!this.#wanted.delete(incidentId)) return;
        for (const family of FAMILIES) this._member.places.delete(laneOf(family, incidentId));
        await this._member.call("unsubscribe", { incidentId });
    }

    /**
     * Calls a method of the relay or of a service behind it.
     *
     * It is executed at most once. If the connection is lost before the answer, it fails with the code `connection_lost` and may have been
     * executed or not. `timeout` and `signal` abandon a call on this side only; the service continues until its own deadline.
     *
     * @param {string} method
     * @param {object | any[]} [params]
     * @param {{ timeout?: number, onProgress?: (progress: object) => void, signal?: AbortSignal }} [options] `timeout`: milliseconds (35000).
     * @returns {Promise<any>} The result. Fails with a {@link CausewayError} whose `code` is the JSON-RPC error's, or `invalid_params` if
     *   JSON cannot represent them.
     */
    async request(method, params, { timeout = 35_000, onProgress, signal } = {}) {
        let call;
        try {
            // As it is on the wire: a BroadcastChannel can clone it.
            call = JSON.parse(JSON.stringify({ method, params }));
        } catch (error) {
            throw new CausewayError("invalid_params", error.message);
        }
        return this._member.call("request", call, { timeout, onProgress, signal });
    }

    async #subscribe(incidentId) {
        const { places } = this._member;
        this.#subscribing.add(incidentId);
        try {
            const after = Object.fromEntries(FAMILIES.map((family) => [family, places.get(laneOf(family, incidentId))]));
            const begun = await this._member.call("subscribe", { incidentId, after });
            // If another tab had the subscription already, this one begins at its position.
            for (const [family, place] of Object.entries(begun)) {
                const lane = laneOf(family, incidentId);
                if (place !== undefined && !places.has(lane)) places.set(lane, place);
            }
        } catch (error) {
            if (error.code !== "connection_lost" || !this.#wanted.has(incidentId)) throw error;
            return this.#subscribe(incidentId);
        } finally {
            this.#subscribing.delete(incidentId);
        }
    }

    /** @private */
    _accept(update) {
        if (update.kind === "joined") {
            // A new leader does not know the subscriptions of this tab.
            for (const incidentId of this.#wanted) {
                if (this.#subscribing.has(incidentId)) continue;
                this.#subscribe(incidentId).catch((error) => {
                    if (this.state.state !== "ended") super._accept(errorUpdate(error, "not_subscribed"));
                });
            }
        }
        // Another tab has subscribed to that incident.
        if (update.kind === "event" && !this.#wanted.has(update.detail.data?.incidentId)) return;
        super._accept(update);
    }
}
