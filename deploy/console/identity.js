// Parses a token for display. The services verify it, the page does not.

import { readClaims } from "./causeway/causeway.js";

const TOKEN = "causeway.token";
const FAREWELL = "causeway.farewell";

/** Reads the token's user and tenant. Throws an error with a message for users if the token is unreadable. */
export class Identity {
    constructor(token) {
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

    /** Takes another token of the same user, and stores it for this tab. */
    become({ token, expiresAt, roles }) {
        Object.assign(this, { token, expiresAt, roles });
        this.keep();
    }

    /** Stores it for this tab, until the tab is closed. */
    keep() {
        sessionStorage.setItem(TOKEN, this.token);
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

    /** Signs out. `reason`: shown on the sign-in page. */
    static forget(reason) {
        sessionStorage.removeItem(TOKEN);
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
