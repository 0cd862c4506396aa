import assert from "node:assert/strict";
import test from "node:test";

import { arrive, keepAttempt, responseIn, takeAttempt } from "../../deploy/console/oidc/arrival.js";
import {
    authorizationURL, challengeOf, codeIn, endpointsIn, newAttempt, refusal, subjectOf,
} from "../../deploy/console/oidc/protocol.js";
import { Provider } from "../../deploy/console/oidc/provider.js";

const ISSUER = "https://id.example/realms/acme";
const PAGE = "https://causeway.example/console/";
const SETTINGS = { issuer: ISSUER, clientId: "console", scopes: "openid offline_access", audience: "" };
const NOW = 1_785_000_000_000;

class Storage {
    items = new Map();
    getItem = (name) => this.items.get(name) ?? null;
    setItem = (name, value) => this.items.set(name, value);
    removeItem = (name) => this.items.delete(name);
}

function discovery(changes = {}) {
    const at = (path) => `https://id.example/${path}`;
    return { issuer: ISSUER, authorization_endpoint: at("authorize"), token_endpoint: at("token"), ...changes };
}

function token(claims) {
    return ["{}", JSON.stringify(claims), "signature"].map((part) => Buffer.from(part).toString("base64url")).join(".");
}

/** Opens the page at an address, and returns what it is left with. */
function open(address, storage) {
    let left;
    const history = { replaceState: (_, __, to) => (left = to) };
    const arrival = arrive({ location: new URL(address), history, storage });
    return { arrival, address: left };
}

test("a response is read from the query, and only there", () => {
    assert.deepEqual(responseIn("?state=s&code=c&iss=https%3A%2F%2Fid"), { state: "s", code: "c", error: undefined, description: undefined, issuer: "https://id" });
    assert.equal(responseIn("?error=access_denied&error_description=No&state=s").description, "No");
    for (const query of ["", "?", "?code=c", "?state=s", "?error=x"]) assert.equal(responseIn(query), undefined, query);
});

test("the address loses the code and gets its fragment back; the attempt is deleted", () => {
    const storage = new Storage();
    keepAttempt(newAttempt({ fragment: "#/approvals/app_1" }), storage);
    const attempt = takeAttempt(storage);
    keepAttempt(attempt, storage);
    const opened = open(`${PAGE}?state=${attempt.state}&code=secret`, storage);
    assert.equal(opened.address, "/console/#/approvals/app_1");
    assert.deepEqual(opened.arrival.attempt, attempt);
    assert.equal(storage.items.size, 0);
    // Once: the response again is nobody's.
    assert.equal(open(`${PAGE}?state=${attempt.state}&code=secret`, storage).arrival.attempt, undefined);
});

test("a page without a response deletes an attempt that was given up, and keeps its address", () => {
    const storage = new Storage();
    keepAttempt(newAttempt(), storage);
    const opened = open(`${PAGE}#/events`, storage);
    assert.deepEqual([opened.arrival, opened.address, storage.items.size], [undefined, undefined, 0]);
});

test("the challenge is that of RFC 7636, appendix B", async () => {
    assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("every attempt has other secrets, of 256 bits", () => {
    const attempts = [newAttempt(), newAttempt({ prefix: "window." })];
    const secrets = attempts.flatMap(({ state, nonce, verifier }) => [state.replace("window.", ""), nonce, verifier]);
    assert.equal(new Set(secrets).size, 6);
    for (const secret of secrets) assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
});

test("the authorization request has what the flow demands", () => {
    const attempt = newAttempt({ isSilent: true });
    const url = new URL(authorizationURL("https://id.example/authorize?tenant=x", { ...SETTINGS, audience: "causeway" }, attempt, "challenge", PAGE));
    assert.deepEqual(Object.fromEntries(url.searchParams), {
        tenant: "x", response_type: "code", client_id: "console", redirect_uri: PAGE, scope: "openid offline_access", state: attempt.state,
        nonce: attempt.nonce, code_challenge: "challenge", code_challenge_method: "S256", audience: "causeway", prompt: "none",
    });
    assert.ok(!url.href.includes(attempt.verifier));
    const asked = new URL(authorizationURL("https://id.example/authorize", SETTINGS, newAttempt(), "challenge", PAGE));
    assert.ok(!asked.searchParams.has("prompt") && !asked.searchParams.has("audience"));
});

test("a discovery document must be the issuer's, and tokens come from its origin", () => {
    assert.equal(endpointsIn(discovery(), ISSUER).token, "https://id.example/token");
    for (const changes of [
        { issuer: "https://evil.example" }, { issuer: `${ISSUER}/` }, { token_endpoint: "https://evil.example/token" }, { token_endpoint: undefined },
        { token_endpoint: "http://id.example/token" }, { authorization_endpoint: "http://id.example/authorize" }, { authorization_endpoint: "javascript:1" },
    ]) assert.throws(() => endpointsIn(discovery(changes), ISSUER), { name: "Error" }, JSON.stringify(changes));
    assert.throws(() => endpointsIn(null, ISSUER));
    // The page may not send requests elsewhere; it may lead the user there.
    const { revocation, authorization } = endpointsIn(
        discovery({ revocation_endpoint: "https://other.example/revoke", authorization_endpoint: "https://login.example/" }), ISSUER);
    assert.deepEqual([revocation, authorization], [undefined, "https://login.example/"]);
});

test("a code counts for the attempt that asked for it", () => {
    const attempt = newAttempt();
    const expected = { issuer: ISSUER, namesIssuer: true };
    const response = { state: attempt.state, code: "c", issuer: ISSUER };
    assert.equal(codeIn(response, attempt, expected), "c");
    assert.equal(codeIn({ ...response, issuer: undefined }, attempt, { ...expected, namesIssuer: false }), "c");
    assert.throws(() => codeIn(response, undefined, expected), /not begun in this tab/);
    assert.throws(() => codeIn({ ...response, state: "other" }, attempt, expected), /not begun in this tab/);
    for (const issuer of [undefined, "https://evil.example"]) assert.throws(() => codeIn({ ...response, issuer }, attempt, expected), /another identity/);
    assert.throws(() => codeIn({ ...response, issuer: "https://evil.example" }, attempt, { ...expected, namesIssuer: false }), /another identity/);
    assert.throws(() => codeIn({ ...response, code: undefined }, attempt, expected), /no code/);
    assert.throws(() => codeIn({ ...response, code: undefined, error: "access_denied" }, attempt, expected), { code: "access_denied" });
});

test("an ID token is for this client and this attempt", () => {
    const claims = { iss: ISSUER, sub: "ann", aud: "console", exp: NOW / 1000 + 60, nonce: "n" };
    const expected = { issuer: ISSUER, clientId: "console", nonce: "n", now: NOW };
    assert.equal(subjectOf(token(claims), expected), "ann");
    assert.equal(subjectOf(token({ ...claims, aud: ["console", "other"], azp: "console" }), expected), "ann");
    assert.equal(subjectOf(token({ ...claims, nonce: undefined }), { ...expected, nonce: undefined }), "ann");
    for (const changes of [{ iss: "https://evil.example" }, { aud: "other" }, { azp: "other" }, { nonce: "m" }, { nonce: undefined }, { sub: undefined }]) {
        assert.throws(() => subjectOf(token({ ...claims, ...changes }), expected), /not for this sign-in/, JSON.stringify(changes));
    }
    assert.throws(() => subjectOf(token({ ...claims, exp: NOW / 1000 - 120 }), expected), /expired/);
    for (const wrong of [undefined, "", "opaque"]) assert.throws(() => subjectOf(wrong, expected), /no ID token/);
});

test("refusals are plain, whatever the code is", () => {
    assert.match(refusal("access_denied", "No").message, /^Sign-in was cancelled.*\(access_denied: No\)$/);
    for (const code of ["constructor", "made_up"]) assert.match(refusal(code).message, /^The identity provider refused the sign-in. \(/);
    assert.ok(refusal("login_required").needsUser && !refusal("access_denied").needsUser);
});

/** A provider whose token endpoint gives these answers, `[status, document]` each, one after the other; `requests` are the forms. */
function provider(...answers) {
    const requests = [];
    const made = new Provider(SETTINGS, PAGE, async (url, init) => {
        if (url === `${ISSUER}/.well-known/openid-configuration`) return Response.json(discovery());
        requests.push({ url, ...Object.fromEntries(init.body) });
        const [status, document] = answers.shift();
        if (status === undefined) throw new TypeError("no network");
        return Response.json(document, { status });
    });
    return { made, requests };
}

test("a code is exchanged with its verifier", async () => {
    const attempt = newAttempt();
    const idToken = token({ iss: ISSUER, sub: "ann", aud: "console", exp: Date.now() / 1000 + 60, nonce: attempt.nonce });
    const { made, requests } = provider([200, { access_token: "a", refresh_token: "r", id_token: idToken }]);
    assert.deepEqual(await made.redeem({ state: attempt.state, code: "c" }, attempt), { accessToken: "a", refreshToken: "r", subject: "ann" });
    assert.deepEqual(requests, [{
        url: "https://id.example/token", grant_type: "authorization_code", code: "c", redirect_uri: PAGE, code_verifier: attempt.verifier, client_id: "console",
    }]);
    // Nothing is sent for a response that is not the attempt's.
    await assert.rejects(made.redeem({ state: "other", code: "c" }, attempt), /not begun/);
    assert.equal(requests.length, 1);
});

test("a refresh token stays if the provider does not rotate it, and failures say whether it still counts", async () => {
    const { made } = provider([200, { access_token: "a" }], [200, { access_token: "b", refresh_token: "r2" }], [400, { error: "invalid_grant" }], [503, {}], []);
    assert.equal((await made.refresh("r")).refreshToken, "r");
    assert.equal((await made.refresh("r")).refreshToken, "r2");
    await assert.rejects(made.refresh("r"), { isTransient: false, code: "invalid_grant" });
    await assert.rejects(made.refresh("r2"), { isTransient: true });
    await assert.rejects(made.refresh("r2"), { isTransient: true });
});
