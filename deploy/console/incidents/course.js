// What an incident's events say about it, taken in the log's order.

import { shown } from "../dom.js";
import { summary } from "../summary.js";
import { statusWords } from "../words.js";
import { reportOf } from "./report.js";

/** Maximum number of events kept of an incident, the latest. */
const MOST = 200;
/** Returns the incident's status according to an event; undefined if the event has none. */
const STATUS = {
    "incident.created": ({ status }) => status ?? "open",
    "incident.status_changed": ({ status }) => status,
    "investigation.progress": () => "investigating",
    "investigation.completed": () => "investigated",
    "approval.requested": () => "awaiting_approval",
    "approval.resolved": ({ action }) => (action === "approve" ? "approved" : "rejected"),
    "remediation.executed": () => "remediated",
};
/** The statuses of incidents on which nobody works any more. */
const ENDED = ["resolved", "closed", "false_positive"];
const TONES = { open: "bad", awaiting_approval: "warn", resolved: "good", closed: "good", remediated: "good" };

export class Course {
    records = [];
    title;
    /** Whether an event has said the title. */
    isTitled = false;
    about = "";
    /** `{ name, text }`; empty if no event has said it. */
    severity = { name: "", text: "" };
    status = { name: "", text: "seen", tone: "" };
    /** Share of the investigation's steps that are done; undefined if not known. */
    progress;
    /** The last event in one line. */
    last = "";
    at = NaN;

    constructor(id) {
        this.id = id;
        this.title = shown(id, 160);
    }

    get isOpen() {
        return !ENDED.includes(this.status.name);
    }

    /** Takes an event that came after all others. Returns whether it is new. */
    take(record) {
        if (this.records.some(({ id }) => id === record.id)) return false;
        this.records.push(record);
        if (this.records.length > MOST) this.records.shift();
        this.#apply(record);
        return true;
    }

    /** Takes events from before those that it has. */
    recall(records) {
        const known = new Set(this.records.map(({ id }) => id));
        const all = [...records.filter(({ id }) => !known.has(id)), ...this.records].slice(-MOST);
        this.records = all;
        for (const record of all) this.#apply(record);
    }

    #apply({ type, payload, at }) {
        if (type === "incident.created") {
            const { title, about, severity } = reportOf(payload);
            this.title = title ?? shown(this.id, 160);
            this.isTitled = title !== undefined;
            this.about = about;
            this.severity = severity;
        }
        const status = Object.hasOwn(STATUS, type) ? STATUS[type](payload) : undefined;
        if (status !== undefined) {
            const name = shown(status, 40);
            this.status = { name, text: statusWords(name), tone: Object.hasOwn(TONES, status) ? TONES[status] : "" };
        }
        if (type === "investigation.progress" && payload.steps > 0 && payload.step >= 0) this.progress = Math.min(1, payload.step / payload.steps);
        this.last = summary({ type, payload }) || type;
        this.at = at;
    }
}
