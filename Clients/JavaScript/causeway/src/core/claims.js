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

/** The claims that a server looks in by default (contract §1). */
export const DEFAULT_CLAIM_NAMES = { tenant: ["tenant_id", "workspace_id", "org_id"], roles: ["roles"] };

/**
 * Returns the user (with the tenant) of a token, and the group of tabs that may share its connection. Roles are part of the group,
 * because the relay sends the commands of all tabs with the roles of the leader's token.
 *
 * @param {string} token
 * @param {{ tenant: string[], roles: string[] }} [names] The claims that the server looks in; of each list the first one present counts.
 */
export function identityOf(token, names = DEFAULT_CLAIM_NAMES) {
    const claims = readClaims(token);
    const user = [claims.sub ?? null, tenantOf(claims, names) ?? null];
    const roles = [firstOf(claims, names.roles) ?? []].flat().sort();
    return { user: JSON.stringify(user), group: JSON.stringify([...user, roles]) };
}

export function tenantOf(claims, names = DEFAULT_CLAIM_NAMES) {
    return firstOf(claims, names.tenant);
}

function firstOf(claims, names) {
    for (const name of names) {
        const value = claimOf(claims, name);
        if (value !== undefined && value !== null) return value;
    }
    return undefined;
}

/** A name that is no claim of the token leads into one by its dots. */
function claimOf(claims, name) {
    if (Object.hasOwn(claims, name) && claims[name] !== null) return claims[name];
    let value = claims;
    for (const part of name.split(".")) {
        if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
        value = value[part];
    }
    return value;
}

/** Returns when a token expires, in milliseconds since 1970; null without `exp`. */
export function expiryOf(token) {
    const { exp } = readClaims(token);
    return typeof exp === "number" ? exp * 1_000 : null;
}
