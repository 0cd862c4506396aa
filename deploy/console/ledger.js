// Deliveries by event: one record per event, for all streams.

import { moment } from "./format.js";

/** Maximum number of records: enough to match a stream that reconnects after minutes. */
const MOST = 5000;

export class Ledger {
    #records = new Map();
    /** The keys of the records by age, as a ring: finding the first key of a Map looks at those that were deleted before it. */
    #keys = new Array(MOST);
    #next = 0;
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
        const oldest = this.#keys[this.#next];
        if (oldest !== undefined) this.#records.delete(oldest);
        this.#records.set(record.id, record);
        this.#keys[this.#next] = record.id;
        this.#next = (this.#next + 1) % MOST;
        return record;
    }
}
