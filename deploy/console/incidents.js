// Section of incidents: the status of each with its last event, or one with its timeline.

import { Choice } from "./choice.js";
import { byId, element, List, setText, shown } from "./dom.js";
import { counted } from "./format.js";
import { Course } from "./incidents/course.js";
import { Row } from "./incidents/row.js";
import { Timeline } from "./incidents/timeline.js";
import { showSoon } from "./show-soon.js";

const MOST = 40;

export class Incidents {
    /** Those that have ended make room first. */
    #list = new List(byId("incidents"), MOST, ({ dataset }) => this.#get(dataset.incident)?.course.isOpen === false);
    #choice = new Choice(byId("incidents-choice"), "incidents", { open: "Open", all: "All" });
    #back = byId("incidents-back");
    #all = byId("incidents-all");
    #one = byId("incidents-one");
    #known = new Map();
    /** The incident that the page's address names, and what shows it. */
    #visited;
    #timeline;
    /** Incidents that have changed since they were shown. */
    #changed = new Set();
    #showChanged = () => this.#show();
    #hasPast = false;

    constructor() {
        this.#list.begin("Loading the last hour…");
        // A row that was kept because somebody aimed at it.
        for (const type of ["pointerleave", "focusout"]) this.#all.addEventListener(type, () => showSoon(this.#showChanged));
    }

    /** The title of an incident, if one of its events has said it; undefined if not. */
    titleOf(id) {
        const { isTitled, title } = this.#get(id)?.course ?? {};
        return isTitled ? title : undefined;
    }

    /** Incidents that are listed, the latest first: `{ id, title, status }`. */
    get listed() {
        return this.#list.shown.map(({ dataset }) => this.#get(dataset.incident)?.course).filter(Boolean);
    }

    /** The last hour could not be loaded: what is shown is what has come since. */
    recallFailed() {
        this.#list.loaded();
        this.#showPart();
    }

    take(record, isNew) {
        const id = record.payload.incidentId;
        if (!isNew || typeof id !== "string") return;
        const known = this.#get(id);
        if (known && !known.course.take(record)) return;
        const incident = known ?? this.#add(id, [record], (row) => this.#list.prepend(row));
        if (incident) this.#update(incident);
    }

    /** Takes events from before the page was opened, the oldest first. */
    recall(records) {
        this.#hasPast = true;
        this.#list.loaded();
        const groups = new Map();
        for (const record of records) {
            const id = record.payload.incidentId;
            if (typeof id !== "string") continue;
            // In the order of their last events.
            const group = groups.get(id) ?? [];
            group.push(record);
            groups.delete(id);
            groups.set(id, group);
        }
        for (const [id, group] of [...groups].reverse()) {
            const known = this.#get(id);
            known?.course.recall(group);
            const incident = known ?? this.#add(id, group, (row) => this.#list.insert(row, null));
            if (incident) this.#update(incident);
        }
        this.#show();
        this.#showVisited();
    }

    /** Shows a part of the list: `open`, which is the usual one, or `all`. */
    choose(part) {
        this.#choice.choose(part);
        this.#back.href = this.#choice.address;
        this.#showPart();
    }

    /** Opens an incident; without one the list. */
    visit(id) {
        // Forget an incident that left the list while it was open.
        if (this.#visited !== id && this.#get(this.#visited)?.row.row.isConnected === false) this.#known.delete(this.#visited);
        this.#visited = id;
        this.#timeline = undefined;
        this.#showVisited();
    }

    leave() {
        this.visit(undefined);
    }

    #get(id) {
        return this.#known.get(id);
    }

    /** `place(row)`: puts the row into the list, and returns those that are gone. Returns undefined if there is no room. */
    #add(id, records, place) {
        const incident = { course: new Course(id), row: new Row(id) };
        incident.course.recall(records);
        // First: the list asks which have ended.
        this.#known.set(id, incident);
        for (const { dataset } of place(incident.row.row)) if (dataset.incident !== this.#visited) this.#known.delete(dataset.incident);
        return this.#get(id);
    }

    #update(incident) {
        this.#changed.add(incident);
        showSoon(this.#showChanged);
    }

    #show() {
        for (const { course, row } of this.#changed) {
            row.update(course);
            if (course.id === this.#visited) this.#showVisited();
        }
        this.#changed.clear();
        this.#showPart();
    }

    /** Hides what has ended, unless all are shown, and says how many are hidden. A row at which somebody aims while its incident ends stays. */
    #showPart() {
        const isAll = this.#choice.chosen === "all";
        let hidden = 0;
        for (const row of this.#list.items) {
            const isPart = isAll || this.#get(row.dataset.incident).course.isOpen;
            row.hidden = !isPart && (row.hidden || !row.matches(":hover, :focus-within"));
            if (row.hidden) hidden += 1;
        }
        this.#list.setEmpty(hidden ? "No open incidents in the last hour. New ones appear here." : undefined);
        this.#list.settle();
        this.#choice.tellHidden(hidden ? counted(hidden, "ended one is hidden", "ended ones are hidden") : "");
    }

    #showVisited() {
        const isOne = this.#visited !== undefined;
        this.#all.hidden = isOne;
        this.#one.hidden = !isOne;
        if (!isOne) return;
        const incident = this.#get(this.#visited);
        const place = byId("incident");
        if (incident && !this.#timeline) {
            this.#timeline = new Timeline(this.#visited);
            this.#timeline.update(incident.course);
            place.replaceChildren(this.#timeline.root);
            this.#timeline.focus();
        } else if (incident) {
            this.#timeline.update(incident.course);
        } else if (!this.#timeline) {
            if (!place.querySelector(".empty")) place.replaceChildren(element("p", { class: "empty", dir: "auto" }));
            const name = shown(this.#visited, 80);
            setText(
                place.querySelector(".empty"),
                this.#hasPast
                    ? `This page has no events of incident ${name}: you may see none of the last hour, or the page did not read that far back.`
                    : `Loading incident ${name}…`,
            );
        }
    }
}
