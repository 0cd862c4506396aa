// Shows what a token says. It is decoded in this page: nothing is sent, and nothing of it is kept.

import { setCode } from "../code.js";
import { element, foreign, setText } from "../dom.js";
import { fact } from "./fact.js";
import { inspect } from "./token.js";

const ABOUT = "The token is decoded in this page. It is neither sent nor stored. The signature is not verified: only services have the keys. " +
    "User, tenant and roles are read from the claims that services use by default.";
const REFUSED = "✕ Services refuse this token.";
const ACCEPTED = "✓ Services accept this token, if its signature, issuer and audience are right, and if it is not revoked.";

export class TokenView {
    elements;

    #field = element("input", {
        id: "inspect-token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "inspect-error",
    });
    #failure = element("p", { id: "inspect-error", class: "error", role: "alert" });
    #verdict = element("p", { id: "inspect-verdict", class: "outcome", role: "status" });
    #found = element("div", { id: "inspected", class: "one" });

    /** `identity`: the page's user. */
    constructor(_, identity) {
        const own = element("button", { id: "inspect-own", type: "button", text: "Inspect my token" });
        const form = element(
            "form",
            { class: "tool", autocomplete: "off" },
            element("label", { for: "inspect-token", text: "Token" }),
            this.#field,
            this.#failure,
            element("div", { class: "buttons" }, element("button", { type: "submit", class: "primary", text: "Inspect" }), own),
        );
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#inspect(this.#field.value);
        });
        own.addEventListener("click", () => this.#inspect(identity.token));
        this.elements = [element("h3", { tabindex: "-1", text: "Inspect a token" }), element("p", { class: "muted", text: ABOUT }), form, this.#verdict, this.#found];
    }

    #inspect(token) {
        this.#field.value = "";
        setText(this.#failure, "");
        setText(this.#verdict, "");
        this.#found.replaceChildren();
        try {
            const found = inspect(token);
            setText(this.#verdict, found.problems.length ? REFUSED : ACCEPTED);
            this.#verdict.dataset.tone = found.problems.length ? "bad" : "good";
            this.#found.replaceChildren(...describe(found));
        } catch (error) {
            setText(this.#failure, error.message);
            this.#field.focus();
        }
    }

    close() {
        this.#field.value = "";
    }
}

function describe({ facts, problems, opens, header, claims }) {
    return [
        ...(problems.length ? [element("ul", {}, ...problems.map((problem) => foreign("li", problem)))] : []),
        element("dl", { class: "facts" }, ...facts.map(([name, value]) => fact(name, value))),
        element("h4", { text: problems.length ? "What its roles would open" : "What its roles open" }),
        element("ul", { class: "plain", id: "inspected-opens" }, ...opens.map(surface)),
        element("h4", { text: "Header and claims" }),
        code(JSON.stringify({ header, claims }, undefined, 2)),
    ];
}

function surface({ what, isOpen, needs }) {
    return element(
        "li",
        {},
        element("span", { class: "outcome", text: isOpen ? "✓ yes" : "✕ no", data: { tone: isOpen ? "good" : "" } }),
        ` ${what} `,
        element("span", { class: "muted small", text: `(${needs})` }),
    );
}

function code(text) {
    const made = element("code");
    setCode(made, text);
    return element("pre", { class: "code", tabindex: "0", role: "group", "aria-label": "Header and claims" }, made);
}
