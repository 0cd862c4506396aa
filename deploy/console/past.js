// Events from before the page was opened, read from the log by the long poll (contract §15).

import { compareCursors } from "./causeway/causeway.js";
import { moment } from "./format.js";
import { askJSON } from "./requests.js";

/** How far back the page reads by itself, in milliseconds. */
const WINDOW = 3_600_000;
/** What it reads by itself. The other types are those that can be many. */
const TYPES = "incident.*,investigation.*,approval.*,remediation.*,job.*,issue.*,pattern.*,webhook.*";
/** The type of the events that report incidents. */
const REPORT = "incident.created";
/** Maximum number of events that are read at once, and in each document. */
const MOST = 5000;
const MOST_EVENTS = 1000;
/** Maximum number of pages of notifications that are read to find places in the log, and of notifications in each. */
const MOST_PAGES = 10;
const PAGE = 200;
/** In milliseconds; the server may have to read events from disk. */
const PATIENCE = 30_000;
/** How long the service looks for an event at once, where it has found none in what it reads by default. */
const LOOK = "2s";

export class Past {
    #causeway;

    constructor(causeway) {
        this.#causeway = causeway;
    }

    /**
     * Reads the last hour's events of incidents, approvals and jobs, the oldest first: at most some 5,000. Reads part by part, the newest part first, so that
     * what is beyond the limit is what is oldest.
     */
    async recent() {
        const from = Date.now() - WINDOW;
        const head = await this.#head();
        let events = [];
        let end;
        for await (const place of this.#places((item) => moment(item.createdAt) < from)) {
            const part = [];
            await this.#read(place, end ?? head, TYPES, MOST - events.length, (found) => {
                part.push(...found.filter(({ id }) => end === undefined || compareCursors(id, end) <= 0));
                return end !== undefined && compareCursors(found.at(-1).id, end) > 0;
            });
            events = [...part, ...events];
            if (events.length >= MOST) break;
            end = place;
        }
        return since(from, events);
    }

    /**
     * Reads events of all types, the oldest first: at most 5,000. `from`: milliseconds since 1970; NaN for the last hour. `isComplete`: up to the end of the log.
     */
    async search(from) {
        const begin = Number.isFinite(from) ? from : Date.now() - WINDOW;
        const start = await this.#place((item) => moment(item.createdAt) < begin);
        const read = [];
        const isComplete = await this.#read(start, await this.#head(), undefined, MOST, (events) => void read.push(...events));
        return { events: since(begin, read), isComplete };
    }

    /** Reads the events that reported these incidents, of the last 200 that this user's notifications name, the oldest first. */
    async reports(incidents) {
        const { items } = await askJSON(this.#causeway, `/v1/notifications?${new URLSearchParams({ type: REPORT, limit: PAGE })}`);
        const oldest = items.findLastIndex(({ incidentId }) => incidents.includes(incidentId));
        if (oldest < 0) return [];
        const found = [];
        // The notification before it is a place in the log.
        const start = oldest + 1 < items.length ? idOf(items[oldest + 1]) : "";
        await this.#read(start, await this.#head(), REPORT, MOST, (events) => {
            found.push(...events.filter(({ payload }) => incidents.includes(payload.incidentId)));
        });
        return found;
    }

    /** Asks for what the log keeps of an event (contract §10): 404 for one that this user may not see, and for one that is not there. */
    stored(id) {
        return askJSON(this.#causeway, `/v1/events/${encodeURIComponent(id)}`);
    }

    /**
     * Yields places in the log, each earlier: notifications, as the log cannot be read from a time. The last one is early enough, or the beginning of the
     * log, or the earliest of those that are read.
     */
    async *#places(isEarly) {
        let page = "";
        for (let number = 1; ; number += 1) {
            const query = new URLSearchParams({ limit: PAGE, ...(page && { cursor: page }) });
            const { items, nextCursor } = await askJSON(this.#causeway, `/v1/notifications?${query}`);
            const early = items.find(isEarly);
            yield early ? idOf(early) : nextCursor === null ? "" : idOf(items.at(-1));
            if (early || nextCursor === null || number === MOST_PAGES) return;
            page = nextCursor;
        }
    }

    /** Returns the last of the places. */
    async #place(isEarly) {
        let last = "";
        for await (const place of this.#places(isEarly)) last = place;
        return last;
    }

    /** The present end of the log. */
    async #head() {
        return (await askJSON(this.#causeway, "/v1/events?wait=0s")).cursor;
    }

    /** Reads to `end`, or until `take` returns true, or until it has read `most` events. Returns whether it came to `end`. */
    async #read(start, end, types, most, take) {
        let place = start;
        let wait = "0s";
        for (let count = 0; count < most; ) {
            const query = new URLSearchParams({ last_event_id: place, wait, limit: MOST_EVENTS, ...(types ? { types } : {}) });
            const { events, cursor } = await askJSON(this.#causeway, `/v1/events?${query}`, { patience: PATIENCE });
            if (events.length > 0 && take(events)) return false;
            // Places of two logs cannot be compared: then the log was replaced meanwhile.
            if (!(compareCursors(cursor, end) < 0)) return true;
            count += events.length;
            place = cursor;
            wait = events.length === 0 ? LOOK : "0s";
        }
        return false;
    }
}

function since(from, events) {
    return events.filter(({ timestamp }) => moment(timestamp) >= from);
}

/** The event of a notification (contract §8). */
function idOf({ notificationId }) {
    return notificationId.replace(/^ntf_/, "evt_");
}
