// Renews the token in place: automatically with one of the demo's, else by asking the user. The page stays as it is.

import { byId, element, setText, shown } from "./dom.js";
import { clock } from "./format.js";
import { Identity } from "./identity.js";
import { accepted } from "./sign-in.js";

export class Renewal {
    #identity;
    #signIn;
    #onRenewed;
    #notice = byId("renewal");
    #dialog = byId("again");
    #error = byId("again-error");
    #field = byId("again-token");
    /** The client's question for a token, while the user is asked: its `resolve`. */
    #asked;
    /** What had the focus before the notice. */
    #focused;
    /** Moves the notice: everything outside a modal dialog is inert. */
    #dialogs = new MutationObserver(() => this.#place());
    #closing = new AbortController();

    /** `onRenewed`: called when the identity has another token. */
    constructor(identity, signIn, onRenewed) {
        this.#identity = identity;
        this.#signIn = signIn;
        this.#onRenewed = onRenewed;
        const options = { signal: this.#closing.signal };
        byId("renewal-open").addEventListener("click", () => this.#open(), options);
        byId("again-cancel").addEventListener("click", () => this.#dialog.close(), options);
        byId("again-form").addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#try(this.#field.value.trim());
        }, options);
        // A token is not kept in a field that nobody sees.
        this.#dialog.addEventListener("close", () => (this.#field.value = ""), options);
        document.addEventListener("focusin", ({ target }) => {
            if (!this.#notice.contains(target) && !this.#dialog.contains(target)) this.#focused = target;
        }, options);
    }

    /** The token function of the browser client. */
    token = async ({ reason, previous }) => {
        if (reason === "first") return this.#identity.token;
        return (await this.#fromDemo(previous)) ?? new Promise((resolve) => this.#ask(resolve, reason));
    };

    /** Shows what became of the token (`TokenNotice`). */
    tell({ state }) {
        if (this.#asked && state !== "renewed") this.#say(state);
    }

    // MARK: The demo

    /** Returns a newer token of the same person; undefined without one. Deployments other than demos have none. */
    async #fromDemo(previous) {
        for (const { identity } of await this.#offers(previous)) {
            try {
                await accepted(identity.token);
                return this.#become(identity);
            } catch {
                // Revoked like the last one: the user has to enter another.
            }
        }
        return undefined;
    }

    async #offers(previous) {
        await this.#signIn.prepare();
        return this.#signIn.people.flatMap(({ label, token }) => {
            const identity = identityOf(token);
            return identity && identity.isSameUser(this.#identity) && token !== previous ? [{ label, identity }] : [];
        });
    }

    // MARK: The user

    #ask(resolve, reason) {
        this.#asked = { resolve, previous: this.#identity.token };
        this.#say(reason);
        this.#notice.hidden = false;
        this.#place();
        this.#dialogs.observe(document.body, { attributes: true, attributeFilter: ["open"], subtree: true });
    }

    #say(state) {
        const at = clock(this.#identity.expiresAt);
        const isExpired = state === "expired" || (state === "expiring" && this.#identity.expiresAt <= Date.now());
        const texts = {
            expiring: `Your token expires at ${at}. Sign in again to stay connected.`,
            expired: "Your token has expired. Streams resume when you sign in again; nothing on this page is lost.",
            refused: "Your token is no longer accepted. Streams resume when you sign in again; nothing on this page is lost.",
        };
        this.#notice.dataset.state = isExpired ? "expired" : state;
        setText(byId("renewal-text"), texts[isExpired ? "expired" : state]);
    }

    /** Puts the notice into the open dialog, or below the bar. Does not take the focus. */
    #place() {
        const open = [...document.querySelectorAll("dialog[open]")].find((dialog) => dialog !== this.#dialog);
        const place = open ?? byId("renewal-place");
        if (this.#notice.parentElement !== place) place.prepend(this.#notice);
    }

    async #open() {
        const { user, tenant } = this.#identity;
        setText(byId("again-who"), `${shown(user, 40)} · ${shown(tenant, 40)}`);
        setText(this.#error, "");
        this.#dialog.showModal();
        this.#field.focus();
        const offers = await this.#offers(this.#asked?.previous);
        byId("again-demo").replaceChildren(
            ...offers.map(({ label, identity }) => {
                const button = element("button", { type: "button", text: shown(label, 80) });
                button.addEventListener("click", () => void this.#try(identity.token));
                return element("li", {}, button);
            }),
        );
    }

    async #try(token) {
        setText(this.#error, "");
        try {
            const identity = new Identity(token);
            if (!identity.isSameUser(this.#identity)) throw new Error("This token is another user's. Sign out to change the user.");
            await accepted(token);
            this.#answer(this.#become(identity));
        } catch (error) {
            setText(this.#error, error.message);
            this.#field.focus();
        }
    }

    #become(identity) {
        this.#identity.become(identity);
        this.#onRenewed();
        return identity.token;
    }

    #answer(token) {
        this.#dialogs.disconnect();
        this.#dialog.close();
        this.#notice.hidden = true;
        byId("renewal-place").prepend(this.#notice);
        const asked = this.#asked;
        this.#asked = undefined;
        asked?.resolve(token);
        (this.#focused?.isConnected ? this.#focused : byId("main")).focus();
    }

    close() {
        this.#closing.abort();
        this.#dialogs.disconnect();
    }
}

/** Reads a token of the demo; undefined if it has expired. */
function identityOf(token) {
    try {
        return new Identity(token);
    } catch {
        return undefined;
    }
}
