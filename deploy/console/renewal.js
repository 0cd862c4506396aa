// Renews the token in place: automatically by the identity provider or with one of the demo's, else by asking the user. The page stays as it is.

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
        // Not the previous one if the user has signed in while a call had failed.
        if (reason === "first" || this.#identity.token !== previous) return this.#identity.token;
        const next = this.#signIn.account ? await this.#fromProvider() : await this.#fromDemo(previous);
        return next ?? new Promise((resolve) => this.#ask(resolve, reason));
    };

    /** Shows what became of the token (`TokenNotice`). A provider that does not answer is worth a notice only when the token no longer counts. */
    tell({ state, error }) {
        if (state === "renewed") this.#hide();
        else if (this.#asked) this.#say(state);
        else if (this.#signIn.account && error && state !== "expiring") this.#show(state, ` ${shown(error.message)} This page tries again.`);
    }

    // MARK: The identity provider

    /** Returns the next token; undefined if the user has to sign in. Throws if the provider does not answer: the client then calls again. */
    async #fromProvider() {
        const { account } = this.#signIn;
        const identity = account.canRenew ? await account.renew() : undefined;
        return identity?.isSameUser(this.#identity) ? this.#become(identity) : undefined;
    }

    /** Called by a click. */
    async #openProvider() {
        const { account } = this.#signIn;
        try {
            const identity = await account.signInAgain();
            await this.#accept(identity);
        } catch (error) {
            setText(byId("renewal-text"), shown(error.message));
        }
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
        this.#show(reason);
    }

    #show(state, why = "") {
        this.#say(state, why);
        this.#notice.hidden = false;
        this.#place();
        this.#dialogs.observe(document.body, { attributes: true, attributeFilter: ["open"], subtree: true });
    }

    #say(state, why = "") {
        const at = clock(this.#identity.expiresAt);
        const isExpired = state === "expired" || (state === "expiring" && this.#identity.expiresAt <= Date.now());
        // People whom a provider signs in do not handle tokens.
        const your = this.#signIn.account ? "Your sign-in" : "Your token";
        const texts = {
            expiring: `${your} expires at ${at}. Sign in again to stay connected.`,
            expired: `${your} has expired. Streams resume when you sign in again; nothing on this page is lost.`,
            refused: `${your} is no longer accepted. Streams resume when you sign in again; nothing on this page is lost.`,
        };
        this.#notice.dataset.state = isExpired ? "expired" : state;
        setText(byId("renewal-text"), texts[isExpired ? "expired" : state] + why);
    }

    /** Puts the notice into the open dialog, or below the bar. Does not take the focus. */
    #place() {
        const open = [...document.querySelectorAll("dialog[open]")].find((dialog) => dialog !== this.#dialog);
        const place = open ?? byId("renewal-place");
        if (this.#notice.parentElement !== place) place.prepend(this.#notice);
    }

    async #open() {
        if (this.#signIn.account) return this.#openProvider();
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
            await this.#accept(new Identity(token));
        } catch (error) {
            setText(this.#error, error.message);
            this.#field.focus();
        }
    }

    async #accept(identity) {
        if (!identity.isSameUser(this.#identity)) throw new Error("This token is another user's. Sign out to change the user.");
        await accepted(identity.token);
        this.#answer(this.#become(identity));
    }

    #become(identity) {
        this.#identity.become(identity);
        this.#onRenewed();
        return identity.token;
    }

    #answer(token) {
        this.#dialog.close();
        const asked = this.#asked;
        this.#asked = undefined;
        asked?.resolve(token);
        this.#hide();
        this.#returnFocus();
    }

    #hide() {
        if (this.#asked || this.#notice.hidden) return;
        const hadFocus = this.#notice.contains(document.activeElement);
        this.#dialogs.disconnect();
        this.#notice.hidden = true;
        byId("renewal-place").prepend(this.#notice);
        if (hadFocus) this.#returnFocus();
    }

    #returnFocus() {
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
