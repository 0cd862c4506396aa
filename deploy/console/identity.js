// Parses a token for display. The services verify it, the page does not.

import { readClaims } from "./causeway/causeway.js";

const TOKEN = "causeway.token";
const FAREWELL = "causeway.farewell";
/** Whether an identity provider has signed in this tab's user: their token is not stored. */
const PROVIDER = "causeway.provider";

/** Reads the token's user and tenant. Throws an error with a message for users if the token is unreadable. */
export class Identity {
    #isKept;

    /** `isKept`: whether `keep` stores the token. One of an identity provider is in memory only. */
    constructor(token, { isKept = true } = {}) {
        this.#isKept = isKept;
        const claims = claimsOf(token);
        this.token = token;
        /** Milliseconds since 1970. */
        this.expiresAt = claims.exp * 1000;
        this.user = claims.sub;
        this.tenant = claims.tenant_id ?? claims.workspace_id ?? claims.org_id;
        this.roles = Array.isArray(claims.roles) ? claims.roles : [];
        if (!this.user || !this.tenant) throw new Error("This token has no user or no tenant.");
        if (!(this.expiresAt > Date.now())) throw new Error("This token has expired. Get another one.");
    }

    get isAdmin() {
        return this.roles.includes("admin");
    }

    isSameUser({ user, tenant }) {
        return this.user === user && this.tenant === tenant;
    }

    /** Takes another token of the same user, and keeps it as that one is kept. */
    become(other) {
        const { token, expiresAt, roles } = other;
        Object.assign(this, { token, expiresAt, roles });
        this.#isKept = other.#isKept;
        this.keep();
    }

    /** Stores the token for this tab, until the tab is closed; of an identity provider's, that there was one. */
    keep() {
        sessionStorage.removeItem(this.#isKept ? PROVIDER : TOKEN);
        sessionStorage.setItem(...(this.#isKept ? [TOKEN, this.token] : [PROVIDER, "signed-in"]));
    }

    /** Restores the identity after a reload of the page; undefined without one. */
    static kept() {
        const token = sessionStorage.getItem(TOKEN);
        try {
            return token ? new Identity(token) : undefined;
        } catch (error) {
            Identity.forget(error.message);
            return undefined;
        }
    }

    /** Whether an identity provider had signed in this tab's user. Says so once, so that a page that cannot sign in does not try again and again. */
    static takeProvided() {
        const isProvided = sessionStorage.getItem(PROVIDER) !== null;
        sessionStorage.removeItem(PROVIDER);
        return isProvided;
    }

    /** Signs out. `reason`: shown on the sign-in page. */
    static forget(reason) {
        sessionStorage.removeItem(TOKEN);
        sessionStorage.removeItem(PROVIDER);
        sessionStorage.setItem(FAREWELL, reason);
    }

    /** Returns the reason of the last sign-out. */
    static farewell() {
        const reason = sessionStorage.getItem(FAREWELL) ?? "";
        sessionStorage.removeItem(FAREWELL);
        return reason;
    }
}

function claimsOf(token) {
    try {
        return readClaims(token);
    } catch {
        throw new Error("This is not a token: it must be three parts joined by dots, as your identity provider issues it.");
    }
}
