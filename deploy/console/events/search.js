// The form above the table of events.

import { byId, element, setText, shown } from "../dom.js";
import { failureText } from "../failures.js";
import { counted } from "../format.js";
import { conditions, filterOf } from "./filter.js";

/** After a key the search waits for another one for this time in milliseconds. */
const PAUSE = 150;
const MOST_TYPES = 100;
/** Whether the latency columns are shown; kept for the next visit only if somebody chose it. */
const LATENCY = "causeway.console.latency";

export class Search {
    #panel = byId("events");
    #form = byId("events-search");
    #toggle = byId("events-more");
    #status = byId("events-status");
    #onChange;
    #types = new Set();
    #timer;

    /** `onChange()`: the filter has changed. `onRead()`: reads further events from the log, and resolves with a text about them. `onClear()`. */
    constructor({ onChange, onRead, onClear }) {
        this.#onChange = onChange;
        const change = () => {
            byId("events-range").hidden = byId("events-period").value !== "range";
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => this.#changed(), PAUSE);
        };
        byId("events-filter").addEventListener("input", change);
        this.#form.addEventListener("input", change);
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#read(onRead);
        });
        this.#toggle.addEventListener("click", () => this.#open(this.#form.hidden));
        byId("events-clear").addEventListener("click", () => {
            this.#form.reset();
            byId("events-filter").value = "";
            byId("events-range").hidden = true;
            setText(this.#status, "");
            onClear();
            this.#changed();
            byId("events-filter").focus();
        });
        this.#setUpLatency();
    }

    /** The filter that the fields say. */
    get filter() {
        const value = (name) => byId(`events-${name}`).value;
        return filterOf({
            text: value("filter"),
            type: value("type"),
            incident: value("incident"),
            user: value("user"),
            period: value("period"),
            since: value("since"),
            until: value("until"),
        });
    }

    /** Offers a type that was seen. */
    suggest(type) {
        if (this.#types.has(type) || this.#types.size === MOST_TYPES) return;
        this.#types.add(type);
        byId("events-types").append(element("option", { value: shown(type, 128) }));
    }

    #open(isOpen) {
        this.#form.hidden = !isOpen;
        this.#toggle.setAttribute("aria-expanded", String(isOpen));
        if (isOpen) byId("events-type").focus();
    }

    #changed() {
        const count = conditions(this.filter);
        setText(this.#toggle, count ? `Filters (${count})` : "Filters");
        this.#onChange();
    }

    async #read(onRead) {
        const button = byId("events-read");
        button.disabled = true;
        setText(this.#status, "Reading the log…");
        try {
            setText(this.#status, await onRead());
        } catch (error) {
            setText(this.#status, failureText("Couldn't read the log", error));
        }
        button.disabled = false;
    }

    #setUpLatency() {
        const box = byId("events-latency");
        const show = () => (this.#panel.dataset.latency = String(box.checked));
        box.checked = localStorage.getItem(LATENCY) === "true";
        box.addEventListener("change", () => {
            localStorage.setItem(LATENCY, String(box.checked));
            show();
        });
        // It is no condition.
        box.addEventListener("input", (event) => event.stopPropagation());
        show();
    }

    close() {
        clearTimeout(this.#timer);
    }
}

/** Why a filter for events from `since` on finds nothing. `readFrom`: from when on the log was read, undefined if it was not; NaN: the last hour. */
export function absenceOf(since, readFrom) {
    const isRead = readFrom !== undefined && (Number.isNaN(readFrom) ? Number.isNaN(since) : since >= readFrom);
    if (!isRead) return "No event of those that this page has passes the filter. Filters, Read the log, finds earlier ones.";
    const end = "Events for other people are not listed.";
    if (Number.isNaN(since)) return `No event of the last hour passes the filter. Choose an earlier time to read more of the log. ${end}`;
    return `No event in the log passes the filter. ${end}`;
}

/** What was read from the log. `isComplete`: everything up to now. */
export function readText({ count, isComplete }) {
    return isComplete ? `Read ${counted(count, "event")} from the log.` : `Read ${counted(count, "event")} from the log; there are more after them. Choose a later time to read on.`;
}
