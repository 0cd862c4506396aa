import { endingOfTicketRequest } from "../core/endings.js";

/**
 * Exchanges the token for a ticket, which opens one connection within 30 s: an address with a ticket is worthless in a log.
 *
 * @param {string} origin
 * @param {string} token
 * @param {AbortSignal} signal
 * @returns {Promise<{ ticket?: string, ending?: object }>} The ticket, or the ending (core/endings.js).
 */
export async function requestTicket(origin, token, signal) {
    const init = { method: "POST", headers: { Authorization: `Bearer ${token}` }, cache: "no-store", signal };
    try {
        const response = await fetch(new URL("/v1/tickets", origin), init);
        if (response.status !== 201) return { ending: await endingOfTicketRequest(response) };
        const { ticket } = await response.json();
        if (typeof ticket !== "string") throw new TypeError("the response to the request for a ticket has none");
        return { ticket };
    } catch (error) {
        return { ending: { verdict: "retry", reason: "network", error: signal.aborted ? undefined : error } };
    }
}
