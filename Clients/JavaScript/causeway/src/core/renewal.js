/**
 * Decisions about renewal: when the page is asked for the next token, and how an open connection takes it.
 */

/** Milliseconds before `exp` at which a token is renewed at the latest, unless it lives for less than a minute. */
const LEAD = 30_000;
/** The same as a part of the token's life, which counts if it is longer. */
const LEAD_PART = 0.1;
/** Short tokens are renewed at half of their life. */
const LONGEST_LEAD_PART = 0.5;
/** By which part of it the lead is lengthened at random, so that clients that got their tokens together do not renew together. */
const JITTER = 0.25;
/** JSON-RPC's code for a method that the server does not have. */
const METHOD_NOT_FOUND = -32601;
/** Milliseconds after which a token is renewed at the earliest. */
const SHORTEST_WAIT = 1_000;

/**
 * Returns when to ask for the token after this one, in milliseconds since 1970: 30 s or a tenth of its life before it expires, whichever
 * is longer, at most half of its life; up to a quarter earlier at random. Its life is what was left of it when it was obtained.
 *
 * @param {number} expiresAt Milliseconds since 1970.
 * @param {number} obtainedAt Milliseconds since 1970.
 * @param {() => number} [random] Returns a number from 0 to 1.
 */
export function renewalTime(expiresAt, obtainedAt, random = Math.random) {
    const life = expiresAt - obtainedAt;
    const lead = Math.min(life * LONGEST_LEAD_PART, Math.max(LEAD, life * LEAD_PART));
    return Math.max(obtainedAt + SHORTEST_WAIT, Math.round(expiresAt - lead * (1 + JITTER * random())));
}

/**
 * The outcome of a renewal in place, from the relay's answer: `renewed`; `unsupported` if the server does not know the method; `failed` if
 * it cannot verify the token now, and the connection keeps the former one. A token that is not accepted ends the connection.
 *
 * @param {{ error?: { code: number } }} answer
 */
export function renewalOutcome({ error }) {
    if (!error) return "renewed";
    return error.code === METHOD_NOT_FOUND ? "unsupported" : "failed";
}

/**
 * Returns how an open connection takes a new token: `renew` (in place), `reconnect` (open another connection, which resumes after the
 * last event), `later` (a reconnect would lose the answers of calls), or `end`, with a reason: the token is for another user or another
 * group of tabs.
 *
 * @param {object} identity Of the connection; see `identityOf`.
 * @param {object} renewed Of the new token.
 * @param {{ canRenew: boolean, isBusy: boolean }} connection `canRenew`: whether the transport has renewal in place, and the server
 *   knows it. `isBusy`: whether calls have no answer yet.
 * @returns {{ step: "renew" | "reconnect" | "later" | "end", reason?: string }}
 */
export function renewalStep(identity, renewed, { canRenew, isBusy }) {
    if (renewed.user !== identity.user) return { step: "end", reason: "another_identity" };
    if (renewed.group !== identity.group) return { step: "end", reason: "other_roles" };
    if (canRenew) return { step: "renew" };
    return { step: isBusy ? "later" : "reconnect" };
}
