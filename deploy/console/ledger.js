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
        const known = this.#records.get(key);
        const at = moment(time);
        const record = known ?? { id: key, type, payload: data, at, lanes: new Map() };
        if (!known) {
            this.#records.set(key, record);
            if (this.#records.size > MOST) this.#records.delete(this.#records.keys().next().value);
        }
        const isTwice = record.lanes.has(lane);
        if (!isTwice) record.lanes.set(lane, receivedAt - at);
        return { record, isNew: !known, isTwice };
    }
}
