// What an incident's events say about it, taken in the log's order.

import { shown } from "../dom.js";
import { summary } from "../summary.js";
import { statusWords } from "../words.js";
import { reportOf } from "./report.js";

/** Maximum number of events kept of an incident, the latest, and of approvals that wait for an answer. */
const MOST = 200;
/** Returns the status that an event gives the incident; undefined if the event has none. */
const STATED = {
    "incident.created": ({ status }) => status ?? "open",
    "incident.status_changed": ({ status }) => status,
};
/** Returns the status of an open incident that follows from an event. */
const FOLLOWING = {
    "investigation.progress": () => "investigating",
    "investigation.completed": () => "investigated",
    "approval.requested": () => AWAITING,
    "approval.resolved": ({ action }) => (action === "approve" ? "approved" : "rejected"),
    "remediation.executed": () => "remediated",
};
const AWAITING = "awaiting_approval";
const SEEN = { name: "", text: "seen", tone: "" };
/** The statuses of incidents on which nobody works any more. */
const ENDED = ["resolved", "closed", "false_positive"];
const TONES = { open: "bad", [AWAITING]: "warn", resolved: "good", closed: "good", remediated: "good" };

export class Course {
    records = [];
    title;
    /** Whether an event has said the title. */
    isTitled = false;
    about = "";
    /** `{ name, text }`; empty if no event has said it. */
    severity = { name: "", text: "" };
    status = SEEN;
    /** Share of the investigation's steps that are done; undefined if not known. */
    progress;
    /** The last event in one line. */
    last = "";
    at = NaN;
    /** The titles of approvals that have no answer yet, by id. */
    #asked = new Map();

    constructor(id) {
        this.id = id;
        this.title = shown(id, 160);
    }

    get isOpen() {
        return !ENDED.includes(this.status.name);
    }

    /** The approvals that wait for an answer, the oldest first: `{ id, title }`. */
    get waiting() {
        return [...this.#asked].map(([id, title]) => ({ id, title }));
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
        const all = [...records.filter(({ id }) => !known.has(id)), ...this.records];
        this.records = all.slice(-MOST);
        // Those that are not kept count as well: a title, or an approval that still waits.
        this.status = SEEN;
        this.#asked.clear();
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
        this.#ask(type, payload);
        const status = this.#statusAfter(type, payload);
        if (status !== undefined) {
            const name = shown(status, 40);
            this.status = { name, text: statusWords(name), tone: Object.hasOwn(TONES, status) ? TONES[status] : "" };
        }
        if (type === "investigation.progress" && payload.steps > 0 && payload.step >= 0) this.progress = Math.min(1, payload.step / payload.steps);
        this.last = summary({ type, payload }) || type;
        this.at = at;
    }

    /** Late events of an investigation do not open an incident again; an answered approval says nothing while another one waits. */
    #statusAfter(type, payload) {
        if (Object.hasOwn(STATED, type)) return STATED[type](payload);
        if (!this.isOpen || !Object.hasOwn(FOLLOWING, type)) return undefined;
        return type === "approval.resolved" && this.#asked.size > 0 ? AWAITING : FOLLOWING[type](payload);
    }

    #ask(type, { approvalId, title }) {
        if (typeof approvalId !== "string") return;
        if (type === "approval.requested") this.#asked.set(approvalId, shown(title ?? approvalId, 160));
        if (type === "approval.resolved") this.#asked.delete(approvalId);
        if (this.#asked.size > MOST) this.#asked.delete(this.#asked.keys().next().value);
    }
}
