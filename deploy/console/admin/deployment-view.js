// Shows connections, usage, log and versions, as far as an admin may ask for them over HTTP.

import { addressOf } from "../address.js";
import { element, foreign } from "../dom.js";
import { askJSON } from "../requests.js";
import { WebhookService } from "../webhooks/service.js";
import { connectionsPart } from "./connections-part.js";
import { logBars, relayFacts, shareBars, silenceText, webhooksText } from "./deployment.js";
import { fact } from "./fact.js";
import { Part } from "./part.js";

/** Interval between loads in milliseconds, while the page is visible. */
const PACE = 10_000;

export class DeploymentView {
    elements;

    #timer;
    #isClosed = false;
    /** Each part is loaded separately: a failure of one service hides no part of another. */
    #parts;
    #onVisible = () => this.#load();

    constructor(causeway) {
        const webhooks = element("p", { class: "small" }, element("a", { href: addressOf("webhooks"), text: "Open webhooks" }));
        this.#parts = [
            connectionsPart(causeway),
            new Part("Usage of your tenant", async () => {
                const usage = await askJSON(causeway, "/v1/admin/usage");
                const missing = silenceText(usage);
                return [...(missing ? [element("p", { class: "error", dir: "auto", text: missing })] : []), bars("usage-bars", shareBars(usage))];
            }),
            new Part("Log", async () => [bars("log-bars", logBars(await askJSON(causeway, "/v1/admin/log")))]),
            new Part("Relay", async () => [facts(relayFacts(await askJSON(causeway, "/v1/relay/status")))]),
            new Part("Webhooks", async () => [facts([["State", webhooksText(await new WebhookService(causeway).list())]])], { after: [webhooks] }),
            new Part("Services", async () => {
                const { info } = await askJSON(causeway, "/openapi.json");
                return [facts([["Version of the REST API", info.version]])];
            }),
        ];
        this.elements = [element("h3", { tabindex: "-1", text: "Connections, usage and log" }), ...this.#parts.map(({ root }) => root)];
        document.addEventListener("visibilitychange", this.#onVisible);
        this.#load();
    }

    /** Loads now, and again after a while. */
    #load() {
        clearTimeout(this.#timer);
        if (this.#isClosed || document.hidden) return;
        void Promise.all(this.#parts.map((part) => part.load())).then(() => {
            clearTimeout(this.#timer);
            if (!this.#isClosed) this.#timer = setTimeout(() => this.#load(), PACE);
        });
    }

    close() {
        this.#isClosed = true;
        clearTimeout(this.#timer);
        document.removeEventListener("visibilitychange", this.#onVisible);
    }
}

function facts(entries) {
    return element("dl", { class: "facts" }, ...entries.map(([name, value]) => fact(name, value)));
}

function bars(id, entries) {
    return element("dl", { id, class: "bars" }, ...entries.map(bar));
}

/** A name with its text, and a bar where there is a limit. */
function bar({ name, value, most, text }) {
    const scale = most === undefined ? [] : [element("progress", { value: String(value), max: String(most), "aria-label": name })];
    return element("div", {}, foreign("dt", name), element("dd", {}, ...scale, foreign("span", text)));
}
