// Deliveries by event: one record per event, for all streams.

import { moment } from "./format.js";

/** Maximum number of records: enough to match a stream that reconnects after minutes. */
const MOST = 5000;

export class Ledger {
    #records = new Map();
    #unnamed = 0;

    /**
     * Takes a delivery. `record`: the event, `lanes` of which says by which streams it came and how long each took (ms).
     * `isNew`: no stream had it before. `isTwice`: this very stream had it before.
     */
    take(lane, { id, type, data, time, receivedAt }) {
        const key = id ?? `unnamed ${++this.#unnamed}`;
        const at = moment(time);
        const record = this.#records.get(key) ?? this.#add({ id: key, type, payload: data, at, lanes: new Map() });
        const isNew = record.lanes.size === 0;
        const isTwice = record.lanes.has(lane);
        if (!isTwice) record.lanes.set(lane, receivedAt - at);
        return { record, isNew, isTwice };
    }

    /** Takes an event that was read from the log, and returns its record. */
    recall(event) {
        return this.#records.get(event.id) ?? this.#add(this.recordOf(event));
    }

    /** Returns the record of an event that was read from the log, without keeping it if it is not known. */
    recordOf({ id, type, payload, timestamp }) {
        return this.#records.get(id) ?? { id, type, payload, at: moment(timestamp), lanes: new Map() };
    }

    /** All records. */
    all() {
        return this.#records.values();
    }

    /** The record of an event; undefined if it is not known, or no longer. */
    find(id) {
        return this.#records.get(id);
    }

    #add(record) {
        this.#records.set(record.id, record);
        if (this.#records.size > MOST) this.#records.delete(this.#records.keys().next().value);
        return record;
    }
}
