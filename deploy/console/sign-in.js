// Signs in by the configured identity provider, with an entered token, or with one of the demo's.

import { byId, element, setText, shown } from "./dom.js";
import { Identity } from "./identity.js";

export class SignIn {
    /** The demo's executions, `{kind, name}` each; empty without a demo. */
    demonstrated = [];

    /** The demo's users, `{label, token}` each. */
    people = [];

    /** The `Account` of a user whom the identity provider has signed in; undefined for others. */
    account;

    /** The search for the identity provider. */
    #provided;

    /** Loads the demo's tokens, which change before they expire. Deployments without a demo have nothing at that path. */
    async prepare() {
        const demo = await settings("demo.json");
        if (!demo) return;
        this.people = demo.people;
        this.demonstrated = demo.executions;
    }

    /**
     * Signs in without asking in this page: with the provider's response, or after a reload with its session. Returns the `Identity`; undefined if the user
     * must be asked. Does not return while the page leaves for the provider's. `arrival`: what `arrive` has returned.
     */
    async resume(arrival) {
        const isProvided = Identity.takeProvided();
        if (!arrival && !isProvided) return undefined;
        const account = await this.#findProvider();
        if (!account) return undefined;
        if (!arrival) {
            await account.leave({ isSilent: true });
            return new Promise(() => {});
        }
        try {
            const identity = await account.complete(arrival);
            await accepted(identity.token);
            identity.keep();
            this.account = account;
            return identity;
        } catch (error) {
            if (error.needsUser && arrival.attempt?.isSilent) throw new Error("Your session has ended. Sign in again.");
            throw error;
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
        void this.#offerProvider();
        return identity;
    }

    /** Returns the provider's `Account`, with nobody signed in; undefined if the deployment has no provider. Its modules are loaded only if it has one. */
    #findProvider() {
        this.#provided ??= (async () => {
            const found = await settings("sign-in.json");
            if (!found) return undefined;
            const [{ Account }, { Provider }] = await Promise.all([import("./oidc/account.js"), import("./oidc/provider.js")]);
            return new Account(new Provider(found, new URL(".", location.href).href));
        })();
        return this.#provided;
    }

    async #offerProvider() {
        const account = await this.#findProvider().catch(() => undefined);
        if (!account) return;
        const button = byId("provider-open");
        setText(button, `Sign in with ${account.providerName}`);
        button.addEventListener("click", () => {
            setText(byId("sign-in-error"), "");
            account.leave().catch((error) => setText(byId("sign-in-error"), shown(error.message)));
        });
        byId("provider").hidden = false;
        byId("token-submit").classList.remove("primary");
        if (!byId("token").value) button.focus();
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

/** Reads a file that only some deployments have; undefined without it. */
async function settings(name) {
    try {
        const answer = await fetch(name, { cache: "no-store" });
        return answer.status === 200 ? await answer.json() : undefined;
    } catch {
        return undefined;
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
