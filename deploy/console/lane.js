// A card for one of the three streams: rate, latency and state.

import { byId, element, setText, shown } from "./dom.js";
import { clock, counted, duration, median } from "./format.js";
import { Lag } from "./lag.js";
import { showSoon } from "./show-soon.js";

const TITLES = {
    sse: ["Server-sent events", "the notification stream"],
    websocket: ["WebSocket", "the workspace stream"],
    relay: ["JSON-RPC relay", "the incidents on this page"],
};
const STATES = { connecting: "Connecting", live: "Live", stalled: "Stalled" };
const REASONS = {
    draining: "the edge is being replaced",
    unavailable: "the edge is out of reach",
    log_unreachable: "the event log is out of reach",
    overloaded: "the edge is full",
    limit: "too many connections",
    network: "the network or the proxy did not answer",
    refused: "the connection was refused",
    silence: "nothing was heard for too long",
    closed: "the connection was closed",
    token_expired: "the token has expired",
    token_revoked: "the token was revoked",
    token_refreshed: "the token was renewed",
    ticket_refused: "the ticket was refused",
    unauthorized: "the token is not taken",
    forbidden: "the token does not allow it",
};
/** What follows a loss, by the state. */
const NEXT = {
    stalled: () => "it goes on when the log is back",
    waiting: (retryInMs) => `next retry in ${duration(retryInMs)}`,
    offline: () => "it waits for the network",
    unauthorized: () => "it resumes when you sign in again",
    ended: () => "it stays closed",
};
/** Errors that the state already shows. */
const TOLD_BY_STATE = ["network", "token_unavailable"];
/** Number of deliveries in the median. */
const WINDOW = 100;
/** Longer deliveries were replayed and do not count as latency. */
const LIVE = 10_000;

export class Lane {
    state = "connecting";
    reason = "";
    onRecord = () => {};
    onState = () => {};
    onCaughtUp = () => {};

    #stream;
    #shared;
    #nextTry;
    #since = Date.now();
    #lostAt;
    #hasBeenLive = false;
    #latencies = [];
    #lag = new Lag();
    #figures = { received: 0, reconnects: 0, gaps: 0, twice: 0 };
    #shows;
    #showFigures = () => this.#show();

    /** `shared`: ledger, journal and rate, common to all streams. */
    constructor(name, stream, shared) {
        this.name = name;
        this.title = TITLES[name][0];
        this.#stream = stream;
        this.#shared = shared;
        this.#shows = card(name);
        byId("lanes").append(this.#shows.card);
        stream.addEventListener("event", ({ detail }) => this.#delivered(detail));
        stream.addEventListener("state", ({ detail }) => this.#became(detail));
        stream.addEventListener("gap", ({ detail }) => this.#missed(detail));
        stream.addEventListener("error", ({ detail }) => this.#failed(detail));
        this.tick();
    }

    /** Milliseconds by which this stream's events are late; 0 if they are not. */
    get lag() {
        return this.#lag.at(Date.now());
    }

    #delivered(detail) {
        const { record, isNew, isTwice } = this.#shared.ledger.take(this.name, detail);
        if (isTwice) {
            this.#figures.twice += 1;
        } else {
            this.#figures.received += 1;
            const latency = record.lanes.get(this.name);
            this.#lag.take(latency, Date.now());
            if (latency < LIVE) {
                this.#shared.rate.count(this.name);
                this.#latencies.push(latency);
                if (this.#latencies.length > WINDOW) this.#latencies.shift();
            }
            this.onRecord(record, isNew);
        }
        showSoon(this.#showFigures);
    }

    #became({ state, reason, retryInMs, leader }) {
        const before = this.state;
        this.state = state;
        this.reason = reason ?? "";
        this.#nextTry = state === "waiting" ? Date.now() + (retryInMs ?? 0) : undefined;
        if (state !== before) this.#since = Date.now();
        setText(this.#shows.leader, leader ? "This tab has the connection" : "Another tab has the connection");
        this.#shows.card.dataset.leader = String(leader);
        if (state === "live" && before !== "live") this.#cameBack(before);
        if (state !== "live" && before === "live") this.#lostAt = Date.now();
        if (state !== before && Object.hasOwn(NEXT, state)) this.#tellOfLoss(retryInMs);
        this.tick();
        showSoon(this.#showFigures);
        this.onState();
    }

    #cameBack(before) {
        if (before === "stalled") {
            this.#tell(`the event log is back after ${duration(Date.now() - this.#lostAt)}; nothing is missing`, "live");
        } else if (this.#hasBeenLive) {
            this.#figures.reconnects += 1;
            this.#tell(`live again after ${duration(Date.now() - this.#lostAt)}; it goes on where it was`, "live");
        } else {
            this.#tell("live", "live");
        }
        this.#hasBeenLive = true;
        this.onCaughtUp();
    }

    #tellOfLoss(retryInMs) {
        this.#tell(`${this.#because()}; ${NEXT[this.state](retryInMs)}`, this.state);
    }

    #because() {
        return REASONS[this.reason] ?? (shown(this.reason, 80).replaceAll("_", " ") || "the connection was lost");
    }

    #missed(detail) {
        this.#figures.gaps += 1;
        const rest = detail.missedBefore ? "what the log no longer keeps was missed" : "the log cannot tell what was missed";
        this.#tell(`a gap: ${rest}. Lists were loaded anew`, "gap");
        showSoon(this.#showFigures);
        this.onCaughtUp();
    }

    #failed(detail) {
        if (!TOLD_BY_STATE.includes(detail.code)) this.#tell(shown(detail.message, 200), "error");
    }

    #tell(text, kind) {
        this.#shared.journal.tell(this.name, this.title, text, kind);
    }

    /** Updates time-dependent texts, once a second. */
    tick() {
        const word = STATES[this.state] ?? this.state;
        let text = `${word} since ${clock(this.#since)}`;
        if (this.state === "waiting") {
            const seconds = Math.max(0, Math.ceil((this.#nextTry - Date.now()) / 1000));
            text = `Waiting, next retry in ${seconds} s: ${this.#because()}`;
        } else if (this.state === "stalled") {
            text = `${text}: ${this.#because()}`;
        } else if (this.state === "offline") {
            text = "Offline: waiting for the network";
        } else if (this.state === "unauthorized") {
            text = `Waiting until you sign in again: ${this.#because()}`;
        } else if (this.state === "ended") {
            text = `Ended: ${this.#because()}`;
        } else if (this.state === "connecting") {
            text = "Connecting";
        } else if (this.lag) {
            text = `Behind: events arrive ${duration(this.lag)} late`;
        }
        setText(this.#shows.state, text);
        this.#shows.card.dataset.state = this.state;
    }

    #show() {
        const { received, reconnects, gaps, twice } = this.#figures;
        setText(this.#shows.received, String(received));
        setText(this.#shows.latency, duration(median(this.#latencies)));
        setText(this.#shows.reconnects, String(reconnects));
        setText(this.#shows.gaps, String(gaps));
        setText(this.#shows.twice, String(twice));
        this.#shows.gaps.parentElement.classList.toggle("bad", gaps > 0);
        this.#shows.twice.parentElement.classList.toggle("bad", twice > 0);
    }

    close() {
        this.#stream.close();
    }
}

/** Creates the elements of a stream's card, by name; `card` is the whole card. */
function card(name) {
    const [title, subtitle] = TITLES[name];
    const shows = { state: element("p", { class: "state" }), leader: element("span", { class: "leader" }) };
    const figure = (key, label, hint) => {
        shows[key] = element("dd", { class: "figures", text: "0", data: { figure: key } });
        return element("div", { title: hint }, element("dt", { text: label }), shows[key]);
    };
    shows.card = element(
        "article",
        { class: `panel lane lane-${name}`, "aria-labelledby": `lane-${name}`, data: { lane: name, state: "connecting" } },
        element(
            "h3",
            { id: `lane-${name}` },
            element("span", { class: "dot" }),
            title,
            element("span", { class: "muted", text: ` ${subtitle}` }),
        ),
        shows.state,
        element(
            "dl",
            {},
            figure("received", "Received", "Events received on this stream"),
            figure("latency", "Median", `From the event's time to this page, the last ${counted(WINDOW, "event")}; both clocks count`),
            figure("reconnects", "Reconnects", "Number of reconnects"),
            figure("gaps", "Gaps", "Number of reported gaps: events are missing"),
            figure("twice", "Duplicates", "Events that arrived more than once on this stream"),
        ),
        shows.leader,
    );
    return shows;
}
