// A signed-in session: three streams, a ledger of deliveries, and the panels.

import { Causeway } from "./causeway/causeway.js";
import { addressOf } from "./address.js";
import { Announcer } from "./announcer.js";
import { Approvals } from "./approvals.js";
import { byId, setText } from "./dom.js";
import { Events } from "./events.js";
import { Executions } from "./executions.js";
import { failureText } from "./failures.js";
import { Incidents } from "./incidents.js";
import { Journal } from "./journal.js";
import { Keyboard } from "./keyboard.js";
import { Lane } from "./lane.js";
import { LazySection } from "./lazy-section.js";
import { Ledger } from "./ledger.js";
import { tellMorePlaces } from "./more-places.js";
import { Notifications } from "./notifications.js";
import { Overall } from "./overall.js";
import { Past } from "./past.js";
import { Rate } from "./rate.js";
import { Router } from "./router.js";
import { passClicksOn } from "./rows.js";
import { showSoon } from "./show-soon.js";
import { keepRelativeTimes, tellExactTimes } from "./when.js";

/** Maximum number of incidents followed on the relay, the latest ones; the relay allows 256 subscriptions per connection, two for each incident. */
const MOST_INCIDENTS = 40;

export class Session {
    #causeway;
    #identity;
    #renewal;
    #lanes;
    #relay;
    #subscribed = new Set();
    #panels;
    #ledger = new Ledger();
    #past;
    /** Whether the events from before the page was opened are read, or being read. */
    #hasPast = false;
    #router;
    #keyboard;
    #closing = new AbortController();
    #timer;

    /** `renewal`: gets further tokens. `followed`: executions to follow from the start. `onEnded`: called with the reason when no token is accepted. */
    constructor(identity, renewal, { followed, onEnded }) {
        this.#causeway = new Causeway({ origin: location.origin, token: renewal.token, share: true });
        this.#identity = identity;
        this.#renewal = renewal;
        this.#causeway.addEventListener("token", ({ detail }) => renewal.tell(detail));
        tellExactTimes(this.#closing.signal);
        keepRelativeTimes(this.#closing.signal);
        passClicksOn(this.#closing.signal);
        tellMorePlaces(this.#closing.signal);
        const announcer = new Announcer();
        const journal = new Journal();
        const rate = new Rate();
        const approvals = new Approvals(this.#causeway, identity, announcer, (incidents) => this.#readReports(incidents));
        const incidents = new Incidents();
        const notifications = new Notifications(this.#causeway, (id) => incidents.titleOf(id));
        const executions = new Executions(this.#causeway, followed);
        const events = new Events(
            {
                records: () => this.#ledger.all(),
                find: (id) => this.#ledger.find(id),
                recall: (event) => this.#ledger.recall(event),
                search: (since) => this.#search(since),
                stored: (id) => this.#past.stored(id),
            },
            identity,
            this.#causeway,
        );
        const webhooks = new LazySection(
            async () => new (await import("./webhooks.js")).Webhooks(this.#causeway, identity),
            () => setText(byId("webhooks-error"), "Couldn't load this section. Reload the page."),
        );
        const admin = new LazySection(
            async () => new (await import("./admin.js")).Admin(this.#causeway, identity),
            () => setText(byId("admin-state"), "Couldn't load this section. Reload the page."),
        );
        this.#past = new Past(this.#causeway);
        this.#panels = [events, incidents, executions, approvals, notifications, webhooks, admin];

        this.#relay = this.#causeway.relay();
        const streams = {
            sse: this.#causeway.notifications(),
            websocket: this.#causeway.workspace(),
            relay: this.#relay,
        };
        this.#lanes = Object.entries(streams).map(([name, stream]) => new Lane(name, stream, { ledger: this.#ledger, journal, rate }));
        const overall = new Overall(this.#lanes);
        for (const lane of this.#lanes) {
            lane.onRecord = (record, isNew) => {
                for (const panel of this.#panels) panel.take(record, isNew);
                if (isNew) this.#follow(record);
            };
            lane.onState = () => {
                overall.show();
                if (lane.state === "ended" && lane.reason === "unauthorized") onEnded("Your tokens are refused. Sign in with another one.");
            };
            // Reload the lists, which include missed events.
            lane.onCaughtUp = () => {
                approvals.load();
                notifications.load();
                void this.#recall();
            };
        }
        this.#router = new Router({ approvals, incidents, notifications, events, executions, webhooks, admin });
        this.#keyboard = new Keyboard(announcer, () => [
            ...approvals.listed.map(({ id, title }) => ({ title, hint: "Approval", address: addressOf("approvals", id) })),
            ...incidents.listed.map(({ id, title, status }) => ({ title, hint: `Incident · ${status.text}`, address: addressOf("incidents", id) })),
        ]);
        this.#timer = setInterval(() => {
            for (const lane of this.#lanes) lane.tick();
            overall.tick();
            rate.tick();
        }, 1000);
    }

    /** Subscribes to every seen incident on the relay, which delivers subscribed incidents only. */
    #follow({ id, payload }) {
        const incident = payload.incidentId;
        if (typeof incident !== "string" || this.#subscribed.has(incident)) return;
        this.#subscribed.add(incident);
        // From this event on, so that no event is missed before the relay accepts the subscription. A failed one is retried at the incident's next event.
        this.#relay.subscribe(incident, { lastEventId: id }).catch(() => this.#subscribed.delete(incident));
        if (this.#subscribed.size > MOST_INCIDENTS) {
            const [oldest] = this.#subscribed;
            this.#subscribed.delete(oldest);
            this.#relay.unsubscribe(oldest).catch(() => {});
        }
    }

    /** Reads the last hour once a stream is live, so that nothing is between the two. */
    async #recall() {
        if (this.#hasPast) return;
        this.#hasPast = true;
        try {
            const records = (await this.#past.recent()).map((event) => this.#ledger.recall(event));
            // Of 5,000 events all panels together would take a long task.
            for (const panel of this.#panels) if (panel.recall) showSoon(() => panel.recall(records));
            setText(byId("past-error"), "");
        } catch (error) {
            // Tried again when a stream comes back.
            this.#hasPast = false;
            for (const panel of this.#panels) panel.recallFailed?.();
            setText(byId("past-error"), failureText("Couldn't load the last hour", error));
        }
    }

    async #readReports(incidents) {
        return (await this.#past.reports(incidents)).map((event) => this.#ledger.recordOf(event));
    }

    async #search(since) {
        const { events, isComplete } = await this.#past.search(since);
        return { records: events.map((event) => this.#ledger.recordOf(event)), isComplete };
    }

    close() {
        clearInterval(this.#timer);
        this.#closing.abort();
        this.#router.close();
        this.#keyboard.close();
        for (const lane of this.#lanes) lane.close();
        for (const panel of this.#panels) panel.close?.();
        this.#renewal.close();
    }
}
