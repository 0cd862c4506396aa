// Section of events: each event once, those that pass the filter, or one with its JSON.

import { addressOf } from "./address.js";
import { compareCursors } from "./causeway/causeway.js";
import { byId, element, foreign, List, setText, shown } from "./dom.js";
import { isOpen, passes } from "./events/filter.js";
import { Flood } from "./events/flood.js";
import { absenceOf, readText, Search } from "./events/search.js";
import { absenceText, failureText } from "./failures.js";
import { duration } from "./format.js";
import { showSoon } from "./show-soon.js";
import { summary } from "./summary.js";
import { when } from "./when.js";

/** Maximum number of rows. */
const MOST = 120;
/** The same during a flood: rows that leave before anybody can scroll to them are not created. */
const MOST_IN_FLOOD = 30;
/** Maximum number of events that wait to get a row. */
const MOST_COMING = 4 * MOST;
const LANES = ["sse", "websocket", "relay"];
/** Events without an id of the log have no address. */
const HAS_ADDRESS = /^evt_/;

export class Events {
    #panel = byId("events");
    #list = new List(this.#panel, MOST);
    #store;
    #identity;
    #causeway;
    #search;
    #filter;
    /** Records that were read from the log for the search. */
    #found = new Map();
    /** From what time on the log was read up to its end: milliseconds since 1970, NaN for the last hour; undefined if it was not. */
    #readFrom;
    #rows = new Map();
    /** The first event that came from a stream: from there on the streams bring every event. */
    #first;
    /** Records that get a row soon, and those with one that a further stream has brought. */
    #coming = [];
    #changed = new Set();
    #showComing = () => this.#show();
    #held = [];
    #isPaused = false;
    #flood = new Flood(() => this.#refilter());
    #button = byId("events-pause");
    /** The event that the page's address names. */
    #visited;

    /**
     * `store`: `records()` are all that the page has; `find(id)` returns an event's record, undefined if the page has none; `search(since)` resolves with
     * `{ records, isComplete }` of the log; `stored(id)` with what the log keeps of an event, of which `recall(event)` makes a record.
     * `causeway`: the client for requests.
     */
    constructor(store, identity, causeway) {
        this.#store = store;
        this.#identity = identity;
        this.#causeway = causeway;
        this.#search = new Search({
            onChange: () => this.#refilter(),
            onRead: () => this.#read(),
            onClear: () => {
                this.#found.clear();
                this.#readFrom = undefined;
            },
        });
        this.#filter = this.#search.filter;
        this.#button.addEventListener("click", () => this.#pause(!this.#isPaused));
        this.#list.begin("Loading the last hour…");
    }

    take(record, isNew) {
        if (isNew) {
            this.#first ??= record.id;
            this.#search.suggest(record.type);
        }
        if (this.#rows.has(record.id)) {
            this.#changed.add(record);
            showSoon(this.#showComing);
        } else if (!isNew || !passes(record, this.#filter)) {
            return;
        } else if (this.#isPaused) {
            this.#held.push(record);
            if (this.#held.length > MOST) this.#held.shift();
            setText(this.#button, `Resume (${this.#held.length} new)`);
        } else {
            this.#flood.count();
            this.#coming.push(record);
            // The list would remove the oldest at once.
            if (this.#coming.length === MOST_COMING) this.#coming.splice(0, MOST_COMING - MOST);
            showSoon(this.#showComing);
        }
    }

    /** Maximum number of rows now. */
    get #most() {
        return this.#flood.isOn && !this.#isPaused ? MOST_IN_FLOOD : MOST;
    }

    #show() {
        this.#list.most = this.#most;
        this.#add(this.#coming.splice(0).slice(-this.#most));
        for (const record of this.#changed) {
            const known = this.#rows.get(record.id);
            if (known) fill(known.cells, record);
        }
        this.#changed.clear();
    }

    /** Takes events from before the page was opened, the oldest first. */
    recall(records) {
        this.#list.loaded();
        this.#show();
        for (const { type } of records) this.#search.suggest(type);
        for (const record of records.filter((one) => passes(one, this.#filter)).slice(-MOST)) {
            if (this.#rows.has(record.id) || (this.#first && compareCursors(record.id, this.#first) > 0)) continue;
            const below = this.#list.items.find((row) => compareCursors(row.dataset.id, record.id) < 0) ?? null;
            this.#add([record], (row) => this.#list.insert(row, below));
        }
    }

    /** The last hour could not be loaded: what is shown is what has come since. */
    recallFailed() {
        this.#list.loaded();
    }

    /** Opens an event; without one the table. */
    visit(id) {
        this.#visited = id;
        for (const name of ["events-all", "events-filter", "events-more", "events-pause"]) byId(name).hidden = id !== undefined;
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
            const known = this.#store.find(id);
            const [stored, EventView] = await Promise.all([known ? undefined : this.#store.stored(id), eventView()]);
            if (id !== this.#visited) return;
            const view = new EventView(known ?? this.#store.recall(stored), this.#identity, this.#causeway);
            place.replaceChildren(...view.elements);
            place.firstElementChild.focus({ preventScroll: true });
            if (stored) view.setStored(stored);
            else void this.#describe(id, view);
        } catch (error) {
            if (id !== this.#visited) return;
            const absence = absenceText(error.status, name);
            if (absence) say("empty", absence);
            else say("error", failureText(`Couldn't load event ${name}`, error));
        }
    }

    /** Shows who could see an event that the page has. */
    async #describe(id, view) {
        try {
            view.setStored(await this.#store.stored(id));
        } catch (error) {
            view.setUnknown(error.status);
        }
    }

    #pause(isPaused) {
        this.#show();
        this.#isPaused = isPaused;
        this.#button.dataset.paused = String(isPaused);
        setText(this.#button, isPaused ? "Resume" : "Pause");
        if (!isPaused) this.#add(this.#held.splice(0));
        else if (this.#flood.isOn) this.#refilter();
    }

    // MARK: Searching

    /** Fills the table with what passes, of all that the page has. Events that wait behind a pause stay there. */
    #refilter() {
        this.#filter = this.#search.filter;
        // They are among the store's records.
        this.#coming = [];
        const isAll = isOpen(this.#filter);
        this.#list.setEmpty(isAll ? undefined : absenceOf(this.#filter.since, this.#readFrom));
        const held = new Set(this.#held.map(({ id }) => id));
        const all = new Map([...this.#found, ...[...this.#store.records()].map((record) => [record.id, record])]);
        const matches = [...all.values()].filter((record) => !held.has(record.id) && passes(record, this.#filter)).sort(newestFirst);
        this.#list.most = this.#most;
        const rows = matches.slice(0, this.#most).map((record) => [record.id, this.#rows.get(record.id) ?? this.#row(record)]);
        this.#rows = new Map(rows);
        this.#list.show(rows.map(([, { row }]) => row));
    }

    /** Reads the log from the filter's time on. */
    async #read() {
        const { since } = this.#search.filter;
        const { records, isComplete } = await this.#store.search(since);
        this.#readFrom = isComplete ? since : undefined;
        this.#found = new Map(records.map((record) => [record.id, record]));
        for (const { type } of records) this.#search.suggest(type);
        this.#refilter();
        return readText({ count: records.length, isComplete });
    }

    // MARK: Rows

    /** `place(...rows)`: puts rows into the table, and returns those that are gone. */
    #add(records, place = (...rows) => this.#list.prepend(...rows)) {
        if (records.length === 0) return;
        const made = records.map((record) => this.#row(record));
        records.forEach(({ id }, number) => this.#rows.set(id, made[number]));
        for (const gone of place(...made.map(({ row }) => row))) this.#rows.delete(gone.dataset.id);
    }

    #row(record) {
        const cells = Object.fromEntries(LANES.map((lane) => [lane, element("td", { class: `figures lane-${lane}`, data: { lane } })]));
        const type = foreign("code", record.type, {}, 128);
        const row = element(
            "tr",
            { data: { id: record.id, type: record.type } },
            element("td", { class: "figures time" }, when(record.at)),
            element(
                "td",
                { class: "what" },
                HAS_ADDRESS.test(record.id) ? element("a", { class: "covers", href: addressOf("events", record.id) }, type) : type,
                " ",
                foreign("span", summary(record)),
            ),
            ...Object.values(cells),
        );
        fill(cells, record);
        return { row, cells };
    }

    close() {
        this.#search.close();
        this.#flood.close();
    }
}

/** The class that shows one event is loaded when the first one is opened. */
async function eventView() {
    try {
        return (await import("./events/event-view.js")).EventView;
    } catch (cause) {
        throw new Error("a file of this page could not be loaded. Reload the page.", { cause });
    }
}

function fill(cells, record) {
    for (const [lane, latency] of record.lanes) setText(cells[lane], duration(latency));
}

/** By place in the log; by time where the places cannot be compared. */
function newestFirst(one, other) {
    return compareCursors(other.id, one.id) || other.at - one.at || 0;
}
