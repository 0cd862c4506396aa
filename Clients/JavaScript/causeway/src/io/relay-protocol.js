import { compareCursors } from "../core/cursors.js";
import { closeReason, endingOfResponse } from "../core/endings.js";
import { RelayMultiplexer } from "../core/relay-multiplexer.js";
import { renewalOutcome } from "../core/renewal.js";
import { heartbeatUpdate, isStanding, standingOf } from "../core/updates.js";
import { RenewalAnswer } from "./renewal-answer.js";
import { openWebSocket } from "./web-socket.js";

/** The relay closes a connection that sends nothing for a minute. */
const PING_AFTER = 20_000;

/** The id of the request that renews the token: a string, unlike those of the multiplexer. */
const RENEWAL = "authenticate";

/** JSON-RPC with the relay, over a WebSocket. */
export class RelayProtocol {
    name = "relay";
    key = ["relay"];
    compare = compareCursors;
    /** A leader keeps no updates for tabs that come later: they make their own subscriptions. */
    keeps = false;
    #origin;

    constructor(origin) {
        this.#origin = origin;
    }

    makeMultiplexer(publish) {
        return new RelayMultiplexer(publish);
    }

    open(link, multiplexer) {
        let tokenHasExpired = false;
        const answer = new RenewalAnswer();
        let sentAt = Date.now();
        const send = (message) => {
            sentAt = Date.now();
            socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
        };
        // Checked at every message, too, because browsers slow down the timers of background tabs.
        const ping = () => { if (Date.now() - sentAt >= PING_AFTER) send({ method: "ping" }); };
        const pings = setInterval(ping, 5_000);
        const received = (message) => {
            ping();
            if (message.method === "pong") return [heartbeatUpdate(null)];
            if (isStanding(message.method)) return [standingOf(message.method)];
            if (message.method === "connected") multiplexer.connected(send);
            else if (message.error?.code === -32001 && (message.id === null || message.id === RENEWAL)) tokenHasExpired = true;
            else if (message.id === RENEWAL) answer.settle(renewalOutcome(message));
            else multiplexer.receive(message);
            return [];
        };
        const socket = openWebSocket(new URL("/v1/connect", this.#origin), link, received, ({ code, reason, wasOpen }) => {
            clearInterval(pings);
            if (tokenHasExpired) return { verdict: "refresh", reason: "token_expired" };
            if (code === 1001) return { verdict: "soon", reason: "draining" };
            return wasOpen ? { verdict: "retry", reason: closeReason(code, reason) } : this.#endingOfRefusal(link.token);
        });
        const close = () => {
            clearInterval(pings);
            socket.close();
        };
        const renew = (token) => {
            send({ id: RENEWAL, method: "authenticate", params: { token } });
            return answer.wait();
        };
        return { close, renew };
    }

    /** Asks why the relay refused the upgrade: browsers hide the response, and this path is refused for the same reasons. */
    async #endingOfRefusal(token) {
        try {
            const response = await fetch(new URL("/v1/relay/status", this.#origin), { headers: { Authorization: `Bearer ${token}` } });
            if (response.ok) return { verdict: "retry", reason: "refused" };
            return endingOfResponse(response);
        } catch {
            return { verdict: "retry", reason: "network" };
        }
    }
}
