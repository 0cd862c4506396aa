// What will be executed: the action, indented or as it was received, with its digest and what a reader could overlook.

import { setCode } from "../code.js";
import { element } from "../dom.js";
import { counted } from "../format.js";
import { parts } from "../visible.js";
import { findings, pretty } from "./action-text.js";
import { digestOf } from "./digest.js";

const FORMS = { pretty: "Indented", raw: "As received" };

export class ActionView {
    /** The digest of what is shown; undefined while it is unknown, and without an action. */
    digest;
    /** Why nobody should approve what is shown; empty if nothing is known against it. */
    objection = "";

    #action;
    #code = element("code");
    #pre;
    #buttons;
    #digest = element("p", { class: "digest small" });

    /** `action`: its JSON as it is spelled; undefined without one. `claimed`: the digest that the service names. */
    constructor(action, claimed) {
        this.#action = action;
        this.root = element("div", { class: "action" });
        if (action === undefined) {
            this.root.append(
                element("p", { class: "caution", text: "The request has no action attached: you decide about what its title and description say." }),
            );
            return;
        }
        this.#pre = element("pre", { tabindex: "0", role: "group", "aria-label": "What will be executed" }, this.#code);
        this.#buttons = Object.entries(FORMS).map(([form, text]) => {
            const button = element("button", { type: "button", class: "quiet", text, data: { form } });
            button.addEventListener("click", () => this.#show(form));
            return button;
        });
        const { hidden } = parts(pretty(action));
        this.root.append(
            element("div", { class: "line" }, element("b", { text: "What will be executed" }), element("span", { class: "forms" }, ...this.#buttons)),
            this.#pre,
            ...findings(action, hidden).map((text) => element("p", { class: "caution small", text })),
            this.#digest,
        );
        this.#show("pretty");
        /** Resolves once the digest is known. */
        this.ready = this.#compute(claimed);
    }

    #show(form) {
        for (const button of this.#buttons) button.setAttribute("aria-pressed", String(button.dataset.form === form));
        const text = form === "raw" ? this.#action : pretty(this.#action);
        setCode(this.#code, text);
        this.#pre.dataset.form = form;
        const lines = text.split("\n").length;
        this.#pre.setAttribute("aria-label", `What will be executed, ${FORMS[form].toLowerCase()}, ${counted(lines, "line")}`);
    }

    async #compute(claimed) {
        const computed = await digestOf(this.#action);
        this.digest = computed ?? claimed;
        let origin = "computed by this page from what it shows, and the same as the service's";
        if (computed === undefined) origin = "as the service says: this page computes it only at an address with HTTPS";
        else if (computed !== claimed) {
            this.objection = "The service names another digest than that of the action it shows. Do not approve it: tell an operator.";
            origin = "computed by this page; the service names another one";
        }
        this.#digest.replaceChildren(element("code", { text: this.digest }), element("span", { class: "muted", text: ` ${origin}` }));
        if (this.objection) this.root.append(element("p", { class: "error", text: this.objection }));
    }
}
