// Parses a token for display. The services verify it, the page does not.

import { readClaims } from "./causeway/causeway.js";

const TOKEN = "causeway.token";
const FAREWELL = "causeway.farewell";

/** Whose token it is. Throws with a sentence for people where that cannot be read. */
export class Identity {
    constructor(token) {
        const claims = claimsOf(token);
        this.token = token;
        this.user = claims.sub;
        this.tenant = claims.tenant_id ?? claims.workspace_id ?? claims.org_id;
        this.roles = Array.isArray(claims.roles) ? claims.roles : [];
        if (!this.user || !this.tenant) throw new Error("This token names no user or no tenant.");
        if (!(claims.exp * 1000 > Date.now())) throw new Error("This token has expired. Get another one.");
    }

    get isAdmin() {
        return this.roles.includes("admin");
    }

    /** Keeps it for this tab, until the tab is closed. */
    keep() {
        sessionStorage.setItem(TOKEN, this.token);
    }

    /** Who was signed in before the page was loaded again; undefined when nobody was, or not any more. */
    static kept() {
        const token = sessionStorage.getItem(TOKEN);
        try {
            return token ? new Identity(token) : undefined;
        } catch (error) {
            Identity.forget(error.message);
            return undefined;
        }
    }

    /** `reason`: what the sign-in says about it. */
    static forget(reason) {
        sessionStorage.removeItem(TOKEN);
        sessionStorage.setItem(FAREWELL, reason);
    }

    /** Why nobody is signed in any more. */
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
        throw new Error("This is not a token: it should be three parts with dots between them, as your identity provider gives it out.");
    }
}
