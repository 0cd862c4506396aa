// OpenID Connect, authorization code flow with PKCE: requests, and the checks of responses. No input or output.

import { readClaims } from "../causeway/causeway.js";

/** Clocks may differ by this time in milliseconds. */
const LEEWAY = 60_000;

/** Errors that only say that the user has to be asked (OpenID Connect Core §3.1.2.6): expected after a request with `prompt=none`. */
const NEEDS_USER = ["login_required", "interaction_required", "consent_required", "account_selection_required"];

/** What the provider's codes mean (RFC 6749 §4.1.2.1, §5.2). */
const REFUSALS = {
    access_denied: "Sign-in was cancelled, or your account may not use this console.",
    invalid_client: "The identity provider does not know this console's client id.",
    invalid_grant: "This sign-in has expired. Sign in again.",
    invalid_scope: "The identity provider does not know a scope of this console.",
    server_error: "The identity provider has a problem. Try again in a moment.",
    temporarily_unavailable: "The identity provider is overloaded. Try again in a moment.",
    unauthorized_client: "The identity provider does not allow this console to sign people in.",
};

/** A sign-in that failed. `code`: the provider's, if it gave one. `isTransient`: whether the same request may succeed later. */
export class SignInError extends Error {
    constructor(message, { code, isTransient = false, cause } = {}) {
        super(message, { cause });
        this.code = code;
        this.isTransient = isTransient;
    }

    get needsUser() {
        return NEEDS_USER.includes(this.code);
    }
}

/** Returns the error for a provider's code and its description, which is untrusted text. */
export function refusal(code, description) {
    const text = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : "The identity provider refused the sign-in.";
    return new SignInError(`${text} (${[code, description].filter(Boolean).join(": ")})`, { code });
}

/** 256 random bits in base64url. */
export function randomText() {
    return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** The code challenge of a verifier by S256 (RFC 7636 §4.2). */
export async function challengeOf(verifier) {
    return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes) {
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Returns a new attempt to sign in: one authorization request. It is plain data, so that it can be kept during a redirect.
 *
 * `prefix`: of its `state`. `fragment`: the address of what the page shows. `isSilent`: whether the provider must not ask the user.
 */
export function newAttempt({ prefix = "", fragment = "", isSilent = false } = {}) {
    return { state: prefix + randomText(), nonce: randomText(), verifier: randomText(), fragment, isSilent };
}

/**
 * Checks a discovery document (OpenID Connect Discovery §4.3), and returns the endpoints. The page's Content-Security-Policy permits requests to
 * the issuer's origin alone.
 */
export function endpointsIn(document, issuer) {
    if (document?.issuer !== issuer) throw new SignInError(`The identity provider calls itself ${document?.issuer}, not ${issuer}.`);
    const { origin } = new URL(issuer);
    const address = (name, isRequested) => {
        if (!URL.canParse(document[name])) return undefined;
        const url = new URL(document[name]);
        return isSafe(url) && (!isRequested || url.origin === origin) ? url.href : undefined;
    };
    const endpoints = {
        authorization: address("authorization_endpoint", false),
        token: address("token_endpoint", true),
        revocation: address("revocation_endpoint", true),
        endSession: address("end_session_endpoint", false),
        namesIssuer: document.authorization_response_iss_parameter_supported === true,
    };
    if (!endpoints.authorization || !endpoints.token) {
        throw new SignInError(`The identity provider needs an authorization endpoint, and a token endpoint at ${origin}.`);
    }
    return endpoints;
}

function isSafe({ protocol, hostname }) {
    return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname));
}

/** Returns the URL of the authorization request. `settings`: `{ clientId, scopes, audience }`. `challenge`: that of the attempt's verifier. */
export function authorizationURL(endpoint, settings, attempt, challenge, redirectURL) {
    const url = new URL(endpoint);
    const parameters = {
        response_type: "code",
        client_id: settings.clientId,
        redirect_uri: redirectURL,
        scope: settings.scopes,
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: challenge,
        code_challenge_method: "S256",
        audience: settings.audience || undefined,
        prompt: attempt.isSilent ? "none" : undefined,
    };
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url.href;
}

/** Returns the code of an authorization response to the attempt; throws a `SignInError` for any other response. */
export function codeIn({ state, code, error, description, issuer }, attempt, { issuer: expected, namesIssuer }) {
    if (!attempt || state !== attempt.state) throw new SignInError("This sign-in was not begun in this tab. Sign in again.");
    if (issuer === undefined ? namesIssuer : issuer !== expected) throw new SignInError("This response is another identity provider's. Sign in again.");
    if (error !== undefined) throw refusal(error, description);
    if (!code) throw new SignInError("The identity provider sent no code. Sign in again.");
    return code;
}

/**
 * Checks an ID token, and returns its subject. Its signature need not be checked: it comes from the token endpoint, over TLS (OpenID Connect Core
 * §3.1.3.7). `nonce`: that of the attempt; undefined for a token of a refresh. `now`: milliseconds since 1970.
 */
export function subjectOf(idToken, { issuer, clientId, nonce, now }) {
    let claims;
    try {
        claims = readClaims(idToken);
    } catch {
        throw new SignInError("The identity provider sent no ID token. The console's scopes must have openid.");
    }
    const isFor = [claims.aud].flat().includes(clientId) && (claims.azp === undefined || claims.azp === clientId);
    const isOfAttempt = nonce === undefined || claims.nonce === nonce;
    if (claims.iss !== issuer || !isFor || !isOfAttempt || !claims.sub) throw new SignInError("The ID token is not for this sign-in. Sign in again.");
    if (!(claims.exp * 1000 > now - LEEWAY)) throw new SignInError("The ID token has expired. Check the clock of this computer.");
    return claims.sub;
}
