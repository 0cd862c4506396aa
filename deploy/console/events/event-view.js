// One event: its ids, what it belongs to, who could see it, how it came, and its JSON.

import { addressOf } from "../address.js";
import { setCode } from "../code.js";
import { copyButton } from "../copy.js";
import { element, foreign, setText, shown } from "../dom.js";
import { duration, exact } from "../format.js";
import { storedTexts, unknownAudience } from "./audience.js";
import { WebhookService } from "../webhooks/service.js";
import { resendPart } from "./resend.js";
import { reasonOf, whereToRun, whyCommand } from "./why.js";

const LANES = { sse: "Server-sent events", websocket: "WebSocket", relay: "Relay" };
/** Maximum length of the JSON that is shown. */
const MOST = 300_000;
/** The members of payloads by which a trace is found. */
const TRACE = ["traceparent", "traceId", "trace_id"];

export class EventView {
    /** The first one takes the focus. */
    elements;

    #seen = element("dd", { dir: "auto", text: "Asking the service…" });
    #facts;
    #why;

    /** `identity`: the page's user. `causeway`: the client for requests. */
    constructor(record, identity, causeway) {
        const { id, type, payload, at } = record;
        const isInLog = id.startsWith("evt_");
        this.#facts = element(
            "dl",
            { class: "facts" },
            fact("Event", withCopy(id, "the event's id")),
            fact("Time", exact(at)),
            ...linked("Incident", "incidents", payload.incidentId),
            ...linked("Approval", "approvals", payload.approvalId),
            ...trace(payload, isInLog),
            fact("Came by", came(record)),
            element("div", {}, element("dt", { text: "Who could see it" }), this.#seen),
        );
        if (isInLog && identity.isAdmin) this.#why = new WhyPart(id, identity.tenant);
        const json = JSON.stringify(payload, undefined, 2);
        this.elements = [
            foreign("h3", type, { tabindex: "-1" }, 128),
            this.#facts,
            ...(this.#why ? [resendPart(record, new WebhookService(causeway)), this.#why.root] : []),
            element("div", { class: "line" }, element("h4", { text: "Payload" }), copyButton(json, "the payload")),
            code(codeOf(json.slice(0, MOST)), "Payload"),
        ];
        if (json.length > MOST) this.elements.push(element("p", { class: "muted small", text: "The payload is longer than this page shows; Copy takes all of it." }));
    }

    /** Shows what the service keeps of the event. */
    setStored(stored) {
        const { seen, facts } = storedTexts(stored);
        setText(this.#seen, seen);
        this.#why?.setStored(stored);
        this.#facts.append(...facts.map(([name, value]) => fact(name, foreign("span", value))));
    }

    /** Shows why the service said nothing. `status`: of its refusal. */
    setUnknown(status) {
        setText(this.#seen, unknownAudience(status));
    }
}

function fact(name, ...values) {
    return element("div", {}, element("dt", { text: name }), element("dd", {}, ...values));
}

function withCopy(id, name) {
    return element("span", { class: "copied" }, element("code", { text: shown(id, 128) }), copyButton(id, name));
}

function linked(name, section, id) {
    if (typeof id !== "string" || !id) return [];
    const link = foreign("a", id, { href: addressOf(section, id) });
    return [fact(name, element("span", { class: "copied" }, link, copyButton(id, `the ${name.toLowerCase()}'s id`)))];
}

function trace(payload, isInLog) {
    const member = TRACE.find((name) => typeof payload[name] === "string");
    if (member) return [fact("Trace", withCopy(payload[member], "the trace"))];
    return isInLog ? [fact("Trace", "In the services' logs: the lines “event delivered” with this event.id")] : [];
}

function came({ lanes }) {
    const ways = Object.entries(LANES).filter(([lane]) => lanes.has(lane));
    return ways.map(([lane, title]) => `${title} after ${duration(lanes.get(lane))}`).join(", ") || "the log: this page was not connected when it happened";
}

/** Why somebody did not get it: what the event alone says, and the command that asks the edges, with a field for the person. */
class WhyPart {
    #field = element("input", { id: "why-user", maxlength: "256", spellcheck: "false", autocomplete: "off", placeholder: "user" });
    #reason = element("p", { class: "caution", role: "status", dir: "auto" });
    #text = element("code");
    #stored = {};
    #command;

    constructor(id, tenant) {
        this.#command = () => whyCommand(id, { user: this.#user, tenant });
        this.#field.addEventListener("input", () => this.#show());
        this.root = element(
            "div",
            { class: "why" },
            element("div", { class: "line" }, element("h4", { text: "Why did somebody not get it?" }), copyButton(this.#command, "the command")),
            element("div", { class: "line" }, element("label", { for: "why-user", text: "Who did not get it" }), this.#field),
            this.#reason,
            code(this.#text, "Command"),
            element("p", { class: "muted small", text: whereToRun(location.origin) }),
        );
        this.#show();
    }

    get #user() {
        return this.#field.value.trim();
    }

    setStored(stored) {
        this.#stored = stored;
        this.#show();
    }

    #show() {
        setCode(this.#text, this.#command());
        setText(this.#reason, reasonOf(this.#stored, this.#user));
    }
}

function code(text, name) {
    return element("pre", { class: "code", tabindex: "0", role: "group", "aria-label": name }, text);
}

function codeOf(text) {
    const made = element("code");
    setCode(made, text);
    return made;
}
