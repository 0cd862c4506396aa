// Section of events: each event once, with the latency of each stream, or one with its JSON.

import { addressOf } from "./address.js";
import { compareCursors } from "./causeway/causeway.js";
import { byId, element, foreign, List, setText, shown } from "./dom.js";
import { eventView } from "./events/event-view.js";
import { duration } from "./format.js";
import { summary } from "./summary.js";
import { when } from "./when.js";

/** Maximum number of rows. */
const MOST = 120;
const LANES = ["sse", "websocket", "relay"];
/** Events without an id of the log have no address. */
const HAS_ADDRESS = /^evt_/;

export class Events {
    #list = new List(byId("events"), MOST);
    #find;
    #rows = new Map();
    /** The first event that came from a stream: from there on the streams bring every event. */
    #first;
    #held = [];
    #isPaused = false;
    #filter = "";
    #button = byId("events-pause");
    /** The event that the page's address names. */
    #visited;

    /** `find(id)`: resolves with an event's record; undefined if it is not found. */
    constructor(find) {
        this.#find = find;
        this.#button.addEventListener("click", () => this.#pause(!this.#isPaused));
        byId("events-filter").addEventListener("input", ({ target }) => {
            this.#filter = target.value.trim().toLowerCase();
            for (const { row, record } of this.#rows.values()) row.hidden = !this.#passes(record);
        });
        this.#list.settle();
    }

    take(record, isNew) {
        if (isNew) this.#first ??= record.id;
        const known = this.#rows.get(record.id);
        if (known) {
            fill(known.cells, record);
        } else if (!isNew) {
            return;
        } else if (this.#isPaused) {
            this.#held.push(record);
            if (this.#held.length > MOST) this.#held.shift();
            setText(this.#button, `Resume (${this.#held.length} new)`);
        } else {
            this.#add(record);
        }
    }

    /** Takes events from before the page was opened, the oldest first. */
    recall(records) {
        for (const record of records.slice(-MOST)) {
            if (this.#rows.has(record.id) || (this.#first && compareCursors(record.id, this.#first) > 0)) continue;
            const below = this.#list.items.find((row) => compareCursors(row.dataset.id, record.id) < 0) ?? null;
            this.#add(record, (row) => this.#list.insert(row, below));
        }
    }

    /** Opens an event; without one the table. */
    visit(id) {
        this.#visited = id;
        for (const name of ["events-all", "events-filter", "events-pause"]) byId(name).hidden = id !== undefined;
        byId("events-one").hidden = id === undefined;
        if (id !== undefined) void this.#open(id);
    }

    leave() {
        this.visit(undefined);
    }

    async #open(id) {
        const name = shown(id, 80);
        const place = byId("event");
        const say = (look, text) => place.replaceChildren(element("p", { class: look, dir: "auto", text }));
        say("muted", `Loading event ${name}…`);
        try {
            const record = await this.#find(id);
            if (id !== this.#visited) return;
            if (!record) return say("empty", `Event ${name} was not found: it is not for you, or no longer in the log, or too far back for this page.`);
            place.replaceChildren(...eventView(record));
            place.firstElementChild.focus({ preventScroll: true });
        } catch (error) {
            if (id === this.#visited) say("error", `Couldn't load event ${name}: ${shown(error.message, 200)}`);
        }
    }

    #pause(isPaused) {
        this.#isPaused = isPaused;
        this.#button.dataset.paused = String(isPaused);
        setText(this.#button, isPaused ? "Resume" : "Pause");
        if (!isPaused) for (const record of this.#held.splice(0)) this.#add(record);
    }

    /** `place(row)`: puts the row into the table, and returns those that are gone. */
    #add(record, place = (row) => this.#list.prepend(row)) {
        const cells = Object.fromEntries(LANES.map((lane) => [lane, element("td", { class: `figures lane-${lane}`, data: { lane } })]));
        const type = foreign("code", record.type, {}, 128);
        const row = element(
            "tr",
            { data: { id: record.id, type: record.type } },
            element("td", { class: "figures time" }, when(record.at)),
            element(
                "td",
                { class: "what" },
                HAS_ADDRESS.test(record.id) ? element("a", { href: addressOf("events", record.id) }, type) : type,
                " ",
                foreign("span", summary(record)),
            ),
            ...Object.values(cells),
        );
        row.hidden = !this.#passes(record);
        fill(cells, record);
        this.#rows.set(record.id, { row, cells, record });
        for (const gone of place(row)) this.#rows.delete(gone.dataset.id);
    }

    #passes(record) {
        return record.type.toLowerCase().includes(this.#filter);
    }
}

function fill(cells, record) {
    for (const [lane, latency] of record.lanes) setText(cells[lane], duration(latency));
}
