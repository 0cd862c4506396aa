// Event table: each event once, with the latency of each stream.

import { byId, element, foreign, List, setText } from "./dom.js";
import { clock, duration } from "./format.js";
import { summary } from "./summary.js";

/** Maximum number of rows. */
const MOST = 120;
const LANES = ["sse", "websocket", "relay"];

export class Events {
    #list = new List(byId("events"), MOST);
    #rows = new Map();
    #held = [];
    #isPaused = false;
    #filter = "";
    #button = byId("events-pause");

    constructor() {
        this.#button.addEventListener("click", () => this.#pause(!this.#isPaused));
        byId("events-filter").addEventListener("input", ({ target }) => {
            this.#filter = target.value.trim().toLowerCase();
            for (const { row, record } of this.#rows.values()) row.hidden = !this.#passes(record);
        });
        this.#list.settle();
    }

    take(record, isNew) {
        if (!isNew) {
            const known = this.#rows.get(record.id);
            if (known) fill(known.cells, record);
        } else if (this.#isPaused) {
            this.#held.push(record);
            if (this.#held.length > MOST) this.#held.shift();
            setText(this.#button, `Resume (${this.#held.length} new)`);
        } else {
            this.#add(record);
        }
    }

    #pause(isPaused) {
        this.#isPaused = isPaused;
        this.#button.dataset.paused = String(isPaused);
        setText(this.#button, isPaused ? "Resume" : "Pause");
        if (!isPaused) for (const record of this.#held.splice(0)) this.#add(record);
    }

    #add(record) {
        const cells = Object.fromEntries(LANES.map((lane) => [lane, element("td", { class: `figures lane-${lane}`, data: { lane } })]));
        const row = element(
            "tr",
            { data: { id: record.id, type: record.type } },
            element("td", { class: "figures time" }, element("time", { text: clock(record.at) })),
            element("td", { class: "what" }, foreign("code", record.type, {}, 128), " ", foreign("span", summary(record))),
            ...Object.values(cells),
        );
        row.hidden = !this.#passes(record);
        fill(cells, record);
        this.#rows.set(record.id, { row, cells, record });
        for (const gone of this.#list.prepend(row)) this.#rows.delete(gone.dataset.id);
    }

    #passes(record) {
        return record.type.toLowerCase().includes(this.#filter);
    }
}

function fill(cells, record) {
    for (const [lane, latency] of record.lanes) setText(cells[lane], duration(latency));
}
