// A signed-in session: three streams, a ledger of deliveries, and the panels.

import { Causeway } from "./causeway/causeway.js";
import { Announcer } from "./announcer.js";
import { Approvals } from "./approvals.js";
import { Events } from "./events.js";
import { Executions } from "./executions.js";
import { Incidents } from "./incidents.js";
import { Journal } from "./journal.js";
import { Lane } from "./lane.js";
import { Ledger } from "./ledger.js";
import { Notifications } from "./notifications.js";
import { Overall } from "./overall.js";
import { Rate } from "./rate.js";

/** Maximum number of incidents followed on the relay, the latest ones; the relay allows 256 subscriptions per connection, two for each incident. */
const MOST_INCIDENTS = 40;

export class Session {
    #causeway;
    #renewal;
    #lanes;
    #relay;
    #subscribed = new Set();
    #panels;
    #timer;

    /** `renewal`: gets further tokens. `followed`: executions to follow from the start. `onEnded`: called with the reason when no token is accepted. */
    constructor(identity, renewal, { followed, onEnded }) {
        this.#causeway = new Causeway({ origin: location.origin, token: renewal.token, share: true });
        this.#renewal = renewal;
        this.#causeway.addEventListener("token", ({ detail }) => renewal.tell(detail));
        const announcer = new Announcer();
        const journal = new Journal();
        const ledger = new Ledger();
        const rate = new Rate();
        const approvals = new Approvals(this.#causeway, identity, announcer);
        const notifications = new Notifications(this.#causeway);
        const executions = new Executions(this.#causeway, followed);
        this.#panels = [new Events(), new Incidents(), executions, approvals, notifications];

        this.#relay = this.#causeway.relay();
        const streams = {
            sse: this.#causeway.notifications(),
            websocket: this.#causeway.workspace(),
            relay: this.#relay,
        };
        this.#lanes = Object.entries(streams).map(([name, stream]) => new Lane(name, stream, { ledger, journal, rate }));
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
            };
        }
        this.#timer = setInterval(() => {
            for (const lane of this.#lanes) lane.tick();
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

    close() {
        clearInterval(this.#timer);
        for (const lane of this.#lanes) lane.close();
        for (const panel of this.#panels) panel.close?.();
        this.#renewal.close();
    }
}
