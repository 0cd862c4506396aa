// Signs in with an entered token, or one of the demo's.

import { byId, element, setText, shown } from "./dom.js";
import { Identity } from "./identity.js";

export class SignIn {
    /** The demo's executions, `{kind, name}` each; empty without a demo. */
    demonstrated = [];

    /** The demo's users, `{label, token}` each. */
    people = [];

    /** Loads the demo's tokens, which change before they expire. Deployments without a demo have nothing at that path. */
    async prepare() {
        try {
            const answer = await fetch("demo.json", { cache: "no-store" });
            if (!answer.ok) return;
            const demo = await answer.json();
            this.people = demo.people;
            this.demonstrated = demo.executions;
        } catch {
            // Not a demo.
        }
    }

    /** Shows the form until a user is signed in. `message`: the reason of the last sign-out. */
    async ask(message = "") {
        byId("sign-in").hidden = false;
        setText(byId("sign-in-error"), message);
        const identity = new Promise((resolve) => {
            byId("token-form").addEventListener("submit", (event) => {
                event.preventDefault();
                void this.#try(byId("token").value.trim(), resolve);
            });
            void this.prepare().then(() => this.#offer((token) => void this.#try(token, resolve)));
        });
        byId("token").focus();
        return identity;
    }

    #offer(choose) {
        byId("demo").hidden = this.people.length === 0;
        byId("demo-people").replaceChildren(
            ...this.people.map(({ label, token }) => {
                const button = element("button", { type: "button", text: shown(label, 80) });
                button.addEventListener("click", () => choose(token));
                return element("li", {}, button);
            }),
        );
    }

    async #try(token, resolve) {
        setText(byId("sign-in-error"), "");
        try {
            const identity = new Identity(token);
            await accepted(token);
            identity.keep();
            byId("token").value = "";
            resolve(identity);
        } catch (error) {
            setText(byId("sign-in-error"), error.message);
            byId("token").focus();
        }
    }
}

/** Checks that the services accept the token; throws their message if not. */
export async function accepted(token) {
    let answer;
    try {
        answer = await fetch("/v1/notifications?limit=1", { headers: { Authorization: `Bearer ${token}` } });
    } catch {
        throw new Error("Causeway does not answer. Check the network.");
    }
    if (answer.ok) return;
    const { message } = await answer.json().catch(() => ({}));
    throw new Error(shown(message) || `Causeway answered with ${answer.status}.`);
}
