// A user whom the identity provider signs in. Tokens are in private fields of this object, and nowhere else.

import { Identity } from "../identity.js";
import { CHANNEL, keepAttempt, takeAttempt, WINDOW } from "./arrival.js";
import { newAttempt, SignInError } from "./protocol.js";

const WINDOW_FEATURES = "popup,width=520,height=680";

export class Account {
    #provider;
    #refreshToken;
    #subject;
    #channel = new BroadcastChannel(CHANNEL);
    /** The attempt in another window, with the `resolve` of the promise of its response. */
    #pending;

    constructor(provider) {
        this.#provider = provider;
        this.#channel.addEventListener("message", ({ data }) => this.#take(data));
        // Back from the provider's page to this one, which the browser has kept.
        window.addEventListener("pageshow", ({ persisted }) => {
            if (persisted) takeAttempt(sessionStorage);
        });
    }

    get providerName() {
        return this.#provider.name;
    }

    /** Whether the token can be renewed without the user. */
    get canRenew() {
        return this.#refreshToken !== undefined;
    }

    /** Leaves the page for the provider's, which leads back to it. `isSilent`: the provider must not ask the user. */
    async leave({ isSilent = false } = {}) {
        const attempt = newAttempt({ fragment: location.hash, isSilent });
        const address = await this.#provider.address(attempt);
        keepAttempt(attempt, sessionStorage);
        location.assign(address);
    }

    /** Completes the attempt after the redirect, and returns the user's `Identity`. */
    async complete({ response, attempt }) {
        return this.#hold(await this.#provider.redeem(response, attempt));
    }

    /**
     * Renews the token with the refresh token. Returns undefined if the provider wants the user to sign in; throws a `SignInError` if the same may
     * succeed later.
     */
    async renew() {
        const refreshToken = this.#refreshToken;
        try {
            return this.#hold(await this.#provider.refresh(refreshToken));
        } catch (error) {
            if (error.isTransient) throw error;
            // The user may have signed in meanwhile.
            if (this.#refreshToken === refreshToken) this.#refreshToken = undefined;
            return undefined;
        }
    }

    /**
     * Lets the user sign in in another window, so that this page stays as it is, and returns their `Identity`. Call it in the handler of a click:
     * otherwise the browser blocks the window. Another call replaces it.
     */
    async signInAgain() {
        const opened = window.open("", "_blank", WINDOW_FEATURES);
        if (!opened) throw new SignInError("The browser has blocked the window. Allow pop-ups for this page, and sign in again.");
        // The provider's page has no access to this one.
        opened.opener = null;
        const attempt = newAttempt({ prefix: WINDOW });
        const response = new Promise((resolve) => (this.#pending = { attempt, resolve }));
        try {
            opened.location.replace(await this.#provider.address(attempt));
        } catch (error) {
            opened.close();
            throw error;
        }
        return this.#hold(await this.#provider.redeem(await response, attempt));
    }

    /** Revokes the refresh token. Returns the address that ends the session at the provider; undefined if it has none. */
    signOut() {
        if (this.#refreshToken !== undefined) this.#provider.revoke(this.#refreshToken);
        this.#refreshToken = undefined;
        return this.#provider.farewell;
    }

    #take(response) {
        if (response?.state !== this.#pending?.attempt.state || response?.state === undefined) return;
        this.#channel.postMessage({ taken: response.state });
        this.#pending.resolve(response);
        this.#pending = undefined;
    }

    #hold({ accessToken, refreshToken, subject }) {
        if (subject !== undefined && this.#subject !== undefined && subject !== this.#subject) {
            throw new SignInError("This is another user's sign-in. Sign out to change the user.");
        }
        let identity;
        try {
            identity = new Identity(accessToken, { isKept: false });
        } catch (cause) {
            throw new SignInError(`The identity provider's access token cannot be used: ${cause.message}`, { cause });
        }
        this.#subject ??= subject;
        this.#refreshToken = refreshToken;
        return identity;
    }
}

/** In a window that a page has opened for signing in: passes the response to that page, and closes the window when the page has it. */
export function passOn(response) {
    const channel = new BroadcastChannel(CHANNEL);
    channel.addEventListener("message", ({ data }) => {
        if (data?.taken === response.state) window.close();
    });
    channel.postMessage(response);
}
