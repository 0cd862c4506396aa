/**
 * Endings: how a connection ended, and what follows.
 *
 * `verdict`: `retry` (wait, longer each time, then connect), `soon` (the server asked to reconnect: wait for a moment only), `refresh`
 * (get another token, then connect; until there is one, the tab has no connection) or `end` (do not connect again). `reason`: one word. `retryAfter`: milliseconds that the server named.
 */

import { CausewayError } from "./errors.js";

/** Returns the ending for a `stream.end` event of a server-sent event stream. */
export function endingOfStream(reason, retryAfter) {
    switch (reason) {
        case "token_expired":
        case "token_revoked": return { verdict: "refresh", reason };
        case "draining": return { verdict: "soon", reason, retryAfter };
        default: return { verdict: "retry", reason, retryAfter };
    }
}

/**
 * Returns the ending for an HTTP response that is not a stream.
 *
 * @param {Response} response
 */
export async function endingOfResponse(response) {
    const body = await response.json().catch(() => ({}));
    const reason = typeof body.error === "string" ? body.error : `http_${response.status}`;
    const error = new CausewayError(reason, typeof body.message === "string" ? body.message : `HTTP status ${response.status}`);
    if (response.status === 401) return { verdict: "refresh", reason };
    if (response.status === 429 || response.status >= 500) {
        return { verdict: "retry", reason, retryAfter: retryAfterOf(response.headers.get("Retry-After")), error };
    }
    return { verdict: "end", reason, error };
}

/**
 * Returns the ending for a response to the request for a ticket that is not a ticket. A server without tickets is tried again: during an
 * update, one that has them may answer next.
 *
 * @param {Response} response
 */
export async function endingOfTicketRequest(response) {
    const ending = await endingOfResponse(response);
    if (response.status !== 404 && response.status !== 405) return ending;
    const error = new CausewayError("no_tickets", "the server has no tickets: update it, or set the client's option tickets to false");
    return { verdict: "retry", reason: error.code, error };
}

/**
 * Returns the ending for a connection that was opened with a ticket and was refused with that ending. The token was accepted a moment
 * before, so a refusal concerns the ticket, which may have expired on the way: the next attempt has another one, and if the token is
 * refused by then, the request for the ticket says so.
 */
export function endingWithTicket(ending) {
    return ending.verdict === "refresh" ? { verdict: "retry", reason: "ticket_refused" } : ending;
}

/** Returns the ending for a close code of the workspace stream. `wasOpen`: whether the server had accepted the connection. */
export function endingOfWorkspace({ code, reason, wasOpen }) {
    switch (code) {
        case 4401: return { verdict: "refresh", reason: wasOpen ? "token_expired" : "unauthorized" };
        case 4003: return { verdict: "end", reason: "wrong_workspace" };
        case 1001: return { verdict: "soon", reason: "draining" };
        default: return { verdict: "retry", reason: closeReason(code, reason) };
    }
}

/** One word for a WebSocket's close code: the server's own reason if the code has no word here. */
export function closeReason(code, reason) {
    switch (code) {
        case 1006: return "network";
        case 1008: return "limit";
        case 1011: return "unavailable";
        default: return reason || `closed_${code}`;
    }
}

/**
 * Reads a `Retry-After` field: seconds, or a date. Returns milliseconds; undefined for a missing or malformed field.
 *
 * @param {string | null} value
 * @param {number} [now] Milliseconds since 1970.
 */
export function retryAfterOf(value, now = Date.now()) {
    if (value === null) return undefined;
    const seconds = /^[0-9]+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1_000;
    return Number.isFinite(seconds) ? Math.max(0, seconds * 1_000) : undefined;
}
