// Panel of incidents: the status of each, and its last event.

import { byId, element, foreign, List, setText, shown } from "./dom.js";
import { clock } from "./format.js";
import { summary } from "./summary.js";

const MOST = 40;
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
const TONES = { open: "bad", awaiting_approval: "warn", resolved: "good", closed: "good", remediated: "good" };

export class Incidents {
    #list = new List(byId("incidents"), MOST);
    #known = new Map();

    constructor() {
        this.#list.settle();
    }

    take(record, isNew) {
        const id = record.payload.incidentId;
        if (!isNew || typeof id !== "string") return;
        let incident = this.#known.get(id);
        if (!incident) {
            incident = row(id);
            this.#known.set(id, incident);
            for (const gone of this.#list.prepend(incident.row)) this.#known.delete(gone.dataset.incident);
        }
        update(incident, record);
    }
}

function row(id) {
    const made = {
        title: foreign("b", id, { class: "title" }),
        status: element("span", { class: "pill", text: "seen" }),
        about: element("span", { class: "muted" }),
        last: element("span", { class: "last", dir: "auto" }),
        progress: element("progress", { max: 1, hidden: true, "aria-label": `Investigation of ${shown(id, 60)}` }),
        time: element("time", { class: "figures muted" }),
    };
    made.row = element(
        "li",
        { class: "item", data: { incident: id } },
        element("div", { class: "line" }, made.title, made.status),
        element("div", { class: "line small" }, made.about, made.time),
        made.progress,
        made.last,
    );
    return made;
}

function update(incident, record) {
    const { type, payload } = record;
    if (type === "incident.created") {
        setText(incident.title, shown(payload.title ?? payload.incidentId, 160));
        setText(incident.about, [payload.severity, payload.service].map((value) => shown(value, 60)).filter(Boolean).join(" · "));
    }
    const status = Object.hasOwn(STATUS, type) ? STATUS[type](payload) : undefined;
    if (status !== undefined) {
        setText(incident.status, shown(status, 40).replaceAll("_", " "));
        incident.status.dataset.tone = Object.hasOwn(TONES, status) ? TONES[status] : "";
        incident.row.dataset.status = shown(status, 40);
        incident.progress.hidden = status !== "investigating" || !incident.progress.hasAttribute("value");
    }
    if (type === "investigation.progress" && payload.steps > 0 && payload.step >= 0) {
        incident.progress.value = Math.min(1, payload.step / payload.steps);
        incident.progress.hidden = false;
    }
    setText(incident.time, clock(record.at));
    setText(incident.last, summary(record) || type);
}
