// What the page knows of the incidents that approvals are about: their title and severity, from the events that reported them.

import { reportOf } from "../incidents/report.js";

/** Maximum number of reports that are kept; the oldest are given up. */
const MOST = 1000;
/** Time in milliseconds for which ids are gathered before the log is read, and after which a read that failed is repeated. */
const PAUSE = 300;
const RETRY = 15_000;

export class IncidentReports {
    #read;
    #onFound;
    #reports = new Map();
    /** The ids to be looked for in the log, and all that were wanted: each is looked for once. */
    #missing = new Set();
    #wanted = new Set();
    #hasBegun = false;
    #timer;

    /** `read(ids)`: resolves with records of type `incident.created`. `onFound()`: reports of wanted incidents are there. */
    constructor(read, onFound) {
        this.#read = read;
        this.#onFound = onFound;
    }

    /** The report of an incident, see `reportOf`; undefined if it is not known. */
    of(id) {
        return this.#reports.get(id);
    }

    /** Takes an event of any type. */
    take({ type, payload }) {
        if (type !== "incident.created" || typeof payload.incidentId !== "string") return;
        this.#reports.delete(payload.incidentId);
        this.#reports.set(payload.incidentId, reportOf(payload));
        if (this.#reports.size > MOST) this.#reports.delete(this.#reports.keys().next().value);
        if (this.#wanted.has(payload.incidentId)) this.#onFound();
    }

    /** An approval is about this incident. */
    want(id) {
        if (typeof id !== "string" || this.#wanted.has(id)) return;
        this.#wanted.add(id);
        if (this.#wanted.size > MOST) this.#wanted.delete(this.#wanted.values().next().value);
        this.#missing.add(id);
        this.#schedule(PAUSE);
    }

    /** From now on what is missing is looked for in the log: the last hour was read. */
    begin() {
        this.#hasBegun = true;
        this.#schedule(PAUSE);
    }

    #schedule(pause) {
        if (!this.#hasBegun || this.#missing.size === 0 || this.#timer !== undefined) return;
        this.#timer = setTimeout(() => void this.#find(), pause);
    }

    async #find() {
        const ids = [...this.#missing].filter((id) => !this.#reports.has(id));
        this.#missing.clear();
        try {
            for (const record of ids.length ? await this.#read(ids) : []) this.take(record);
            this.#timer = undefined;
            this.#schedule(PAUSE);
        } catch {
            // The cards show the ids meanwhile.
            for (const id of ids) this.#missing.add(id);
            this.#timer = undefined;
            this.#schedule(RETRY);
        }
    }

    close() {
        this.#hasBegun = false;
        clearTimeout(this.#timer);
    }
}
