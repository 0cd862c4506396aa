import { CausewayError } from "./errors.js";

/**
 * Returns the claims of a JWT, unverified: only the server can verify them.
 *
 * @param {string} token
 * @returns {{ sub?: string, exp?: number, [claim: string]: any }}
 */
export function readClaims(token) {
    try {
        // No header has other characters, and a platform's error about one repeats it.
        if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError("no JWT");
        const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
        const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))));
        if (typeof claims === "object" && claims !== null) return claims;
    } catch {
        // Every malformed token gets the same error, which does not contain the token.
    }
    throw new CausewayError("not_a_token", "what was given as a token is no JWT");
}

/** Returns the user (with the tenant) of a token, and the group of tabs that may share its connection. Roles are part of the group,
 * because the relay sends the commands of all tabs with the roles of the leader's token. */
export function identityOf(token) {
    const claims = readClaims(token);
    const user = [claims.sub ?? null, tenantOf(claims) ?? null];
    const roles = [claims.roles ?? []].flat().sort();
    return { user: JSON.stringify(user), group: JSON.stringify([...user, roles]) };
}

export function tenantOf(claims) {
    return claims.tenant_id ?? claims.workspace_id ?? claims.org_id;
}

/** Returns when a token expires, in milliseconds since 1970; null without `exp`. */
export function expiryOf(token) {
    const { exp } = readClaims(token);
    return typeof exp === "number" ? exp * 1_000 : null;
}
