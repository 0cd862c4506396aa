// The digest of an action as contract §12 defines it: what is sent with an answer is computed from what was shown.

/** Returns the RFC 8785 form of a parsed JSON value. */
export function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    // RFC 8785 orders names by UTF-16 code units, as sort() does.
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/**
 * Computes `sha256:…` of an action.
 *
 * @param {string} action JSON.
 * @returns {Promise<string | undefined>} Undefined where the browser has no SHA-256: pages of insecure addresses.
 */
export async function digestOf(action) {
    const form = canonical(JSON.parse(action));
    if (!globalThis.crypto?.subtle) return undefined;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(form)));
    return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
