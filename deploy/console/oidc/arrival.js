// Where the page is opened by an identity provider's redirect: reads the authorization response, and removes it from the address.

/** The pending attempt of this tab (`Attempt`), while it is at the provider. It has no token; its code verifier is of no use without the code. */
const ATTEMPT = "causeway.sign-in";

/** The `state` of attempts in a window of their own begins with this. */
export const WINDOW = "window.";

/** The channel on which such a window passes the response to the page that opened it. Without that page's code verifier the code is of no use. */
export const CHANNEL = "causeway.sign-in";

/** Reads the authorization response from a URL's query (RFC 6749 §4.1.2, RFC 9207): undefined if it has none. */
export function responseIn(query) {
    const values = new URLSearchParams(query);
    if (!values.has("state") || !(values.has("code") || values.has("error"))) return undefined;
    const [state, code, error, description, issuer] = ["state", "code", "error", "error_description", "iss"].map((name) => values.get(name) ?? undefined);
    return { state, code, error, description, issuer };
}

/** Keeps the attempt for the time of the redirect. */
export function keepAttempt(attempt, storage) {
    storage.setItem(ATTEMPT, JSON.stringify(attempt));
}

/** Deletes the kept attempt, and returns it; undefined without one. */
export function takeAttempt(storage) {
    const text = storage.getItem(ATTEMPT);
    storage.removeItem(ATTEMPT);
    try {
        return JSON.parse(text) ?? undefined;
    } catch {
        return undefined;
    }
}

/**
 * Returns `{ response, attempt }` if the page was opened by a provider's redirect, else undefined. `attempt`: the one of this tab that the response
 * is for; undefined for a response that this tab has not asked for. Removes the response from the address and the history, restores the
 * fragment from before the redirect, and deletes the kept attempt in any case.
 */
export function arrive({ location, history, storage }) {
    const attempt = takeAttempt(storage);
    const response = responseIn(location.search);
    if (!response) return undefined;
    const isOwn = attempt?.state === response.state;
    history.replaceState(null, "", location.pathname + (isOwn ? attempt.fragment : location.hash));
    return { response, attempt: isOwn ? attempt : undefined };
}
