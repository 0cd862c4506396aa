// One heading of a page with what a service says below it, or why that is not known.

import { element, setText } from "../dom.js";
import { failureText } from "../failures.js";

export class Part {
    root;

    #title;
    #ask;
    #place = element("div");
    #state = element("p", { class: "muted", text: "Loading…" });
    #isLoading = false;
    /** Whether `ask` has changed since the load that is under way began. */
    #isStale = false;

    /** `ask()`: resolves with the elements to show. `before` and `after`: elements that stay, around them. */
    constructor(title, ask, { before = [], after = [] } = {}) {
        this.#title = title;
        this.#ask = ask;
        this.root = element("div", { class: "part" }, element("h4", { text: title }), ...before, this.#place, this.#state, ...after);
    }

    async load() {
        this.#isStale = this.#isLoading;
        if (this.#isLoading) return;
        this.#isLoading = true;
        do {
            this.#isStale = false;
            await this.#loadOnce();
        } while (this.#isStale);
        this.#isLoading = false;
    }

    async #loadOnce() {
        try {
            this.#place.replaceChildren(...(await this.#ask()));
            this.#say("", "");
        } catch (error) {
            this.#place.replaceChildren();
            if (error.status === 404) this.#say("muted", "This deployment does not have the service.");
            else this.#say("error", failureText(`Couldn't load ${this.#title}`, error));
        }
    }

    #say(look, text) {
        this.#state.className = look;
        this.#state.hidden = text === "";
        setText(this.#state, text);
    }
}
