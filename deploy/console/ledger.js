// Which event came on which streams: each is one record, however many of them carry it.

import { moment } from "./format.js";

/** So many records are kept: a stream that comes back minutes late is still matched with those that did not break. */
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
