// The configured identity provider: its endpoints, and the requests to them.

import { authorizationURL, challengeOf, codeIn, endpointsIn, refusal, SignInError, subjectOf } from "./protocol.js";

/** Without a response for this time in milliseconds a request is given up. */
const PATIENCE = 15_000;

export class Provider {
    #settings;
    #redirectURL;
    #request;
    #endpoints;

    /** `settings`: `{ issuer, clientId, scopes, audience }` of sign-in.json. `redirectURL`: the page's address. `request`: `fetch`. */
    constructor(settings, redirectURL, request = (url, init) => fetch(url, init)) {
        this.#settings = settings;
        this.#redirectURL = redirectURL;
        this.#request = request;
    }

    /** How people know it. */
    get name() {
        return new URL(this.#settings.issuer).host;
    }

    /** Returns the URL that begins an attempt. */
    async address(attempt) {
        // Pages on plain HTTP have no SHA-256, except on this machine.
        if (!globalThis.isSecureContext) throw new SignInError("Signing in needs HTTPS: open the console with https://.");
        const [{ authorization }, challenge] = await Promise.all([this.#discover(), challengeOf(attempt.verifier)]);
        return authorizationURL(authorization, this.#settings, attempt, challenge, this.#redirectURL);
    }

    /** Exchanges the code of an authorization response for `{ accessToken, refreshToken, subject }`, the second undefined without one. `attempt`: the one it must be for. */
    async redeem(response, attempt) {
        const { namesIssuer } = await this.#discover();
        const code = codeIn(response, attempt, { issuer: this.#settings.issuer, namesIssuer });
        const { verifier, nonce } = attempt;
        const answer = await this.#ask({ grant_type: "authorization_code", code, redirect_uri: this.#redirectURL, code_verifier: verifier });
        return { ...tokensIn(answer), subject: this.#subjectOf(answer.id_token, nonce) };
    }

    /** The same for a refresh token; `subject` is undefined if there was no ID token. A provider that rotates refresh tokens sends the next one. */
    async refresh(refreshToken) {
        await this.#discover();
        const answer = await this.#ask({ grant_type: "refresh_token", refresh_token: refreshToken });
        const subject = answer.id_token === undefined ? undefined : this.#subjectOf(answer.id_token);
        const tokens = tokensIn(answer);
        return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken, subject };
    }

    /** Revokes a refresh token (RFC 7009), if the provider can. The request outlives the page, and its response is not awaited. */
    revoke(refreshToken) {
        const url = this.#endpoints?.revocation;
        if (!url) return;
        const fields = { token: refreshToken, token_type_hint: "refresh_token", client_id: this.#settings.clientId };
        // It expires by itself if this fails.
        this.#request(url, { ...post(fields), keepalive: true }).catch(() => {});
    }

    /** The URL that ends the user's session at the provider and leads back; undefined without one (OpenID Connect RP-Initiated Logout). */
    get farewell() {
        if (!this.#endpoints?.endSession) return undefined;
        const url = new URL(this.#endpoints.endSession);
        url.searchParams.set("client_id", this.#settings.clientId);
        url.searchParams.set("post_logout_redirect_uri", this.#redirectURL);
        return url.href;
    }

    async #discover() {
        const { issuer } = this.#settings;
        this.#endpoints ??= endpointsIn(await this.#read(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`), issuer);
        return this.#endpoints;
    }

    #subjectOf(idToken, nonce) {
        const { issuer, clientId } = this.#settings;
        return subjectOf(idToken, { issuer, clientId, nonce, now: Date.now() });
    }

    #ask(fields) {
        return this.#read(this.#endpoints.token, post({ ...fields, client_id: this.#settings.clientId }));
    }

    async #read(url, init = {}) {
        let response;
        let document;
        try {
            response = await this.#request(url, {
                ...init, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE),
            });
            document = await response.json().catch(() => undefined);
        } catch (cause) {
            throw new SignInError(`${this.name} does not answer, or does not allow requests of this page.`, { isTransient: true, cause });
        }
        if (response.ok && document) return document;
        if (typeof document?.error === "string" && response.status < 500) throw refusal(document.error, document.error_description);
        throw new SignInError(`${this.name} answered with ${response.status}.`, { isTransient: response.status === 429 || response.status >= 500 });
    }
}

function post(fields) {
    return { method: "POST", body: new URLSearchParams(fields), credentials: "omit" };
}

function tokensIn({ access_token: accessToken, refresh_token: refreshToken }) {
    if (typeof accessToken !== "string") throw new SignInError("The identity provider sent no access token.");
    return { accessToken, refreshToken };
}
