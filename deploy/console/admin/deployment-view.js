// Shows connections, usage and versions, as far as an admin may ask for them over HTTP.

import { addressOf } from "../address.js";
import { copyButton } from "../copy.js";
import { element, setText } from "../dom.js";
import { failureText } from "../failures.js";
import { accepted, askJSON, send } from "../requests.js";
import { WebhookService } from "../webhooks/service.js";
import { commands, relayFacts, shareText, webhooksText } from "./deployment.js";
import { fact } from "./fact.js";

/** Interval between loads in milliseconds, while the page is visible. */
const PACE = 10_000;
const OPERATORS =
    "Connections of each user, the usage of all tenants and the fill of the log are on the services' admin listeners, which no browser reaches. Operators have them in dashboards and by these commands:";

export class DeploymentView {
    elements;

    #causeway;
    #timer;
    #isClosed = false;
    /** Each part is loaded separately: a failure of one service hides no part of another. */
    #parts = [
        new Part("Relay", async () => relayFacts(await askJSON(this.#causeway, "/v1/relay/status"))),
        new Part("Usage of your tenant", async () => {
            const answer = await send(this.#causeway, "/v1/notifications?limit=1");
            accepted(answer);
            return [["Requests left at the approval API, in the process that answered", shareText(answer.response.headers)]];
        }),
        new Part("Webhooks", async () => {
            const text = webhooksText(await new WebhookService(this.#causeway).list());
            return [["State", text]];
        }, { title: "Open webhooks", address: addressOf("webhooks") }),
        new Part("Services", async () => {
            const { info } = await askJSON(this.#causeway, "/openapi.json");
            return [["Version of the REST API", info.version]];
        }),
    ];
    #onVisible = () => this.#load();

    constructor(causeway) {
        this.#causeway = causeway;
        this.elements = [
            element("h3", { tabindex: "-1", text: "Connections, usage and versions" }),
            ...this.#parts.map(({ root }) => root),
            element("h4", { text: "For operators" }),
            element("p", { class: "muted", text: OPERATORS }),
            element("ul", { class: "plain list" }, ...commands(location.origin).map(forOperators)),
        ];
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

/** One heading with its facts, or why they are not known. */
class Part {
    root;

    #title;
    #ask;
    #facts = element("dl", { class: "facts" });
    #state = element("p", { class: "muted", text: "Loading…" });
    #isLoading = false;

    /** `ask()`: resolves with names and values. `link`: where more is shown. */
    constructor(title, ask, link) {
        this.#title = title;
        this.#ask = ask;
        const more = link ? [element("p", { class: "small" }, element("a", { href: link.address, text: link.title }))] : [];
        this.root = element("div", { class: "part" }, element("h4", { text: title }), this.#facts, this.#state, ...more);
    }

    async load() {
        if (this.#isLoading) return;
        this.#isLoading = true;
        try {
            this.#facts.replaceChildren(...(await this.#ask()).map(([name, value]) => fact(name, value)));
            this.#say("", "");
        } catch (error) {
            this.#facts.replaceChildren();
            if (error.status === 404) this.#say("muted", "This deployment does not have the service.");
            else this.#say("error", failureText(`Couldn't load ${this.#title}`, error));
        }
        this.#isLoading = false;
    }

    #say(look, text) {
        this.#state.className = look;
        this.#state.hidden = text === "";
        setText(this.#state, text);
    }
}

function forOperators({ command, text }) {
    return element(
        "li",
        { class: "item" },
        element("span", { class: "copied" }, element("code", { text: command }), copyButton(command, "the command")),
        element("span", { class: "muted small", text }),
    );
}
