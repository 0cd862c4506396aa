import { DEFAULT_BACKOFF } from "./core/backoff.js";
import { DEFAULT_CLAIM_NAMES } from "./core/claims.js";
import { typeList } from "./core/queries.js";
import { TokenSource } from "./core/token-source.js";
import { EventStream } from "./event-stream.js";
import { CLOCK } from "./io/clock.js";
import { ExecutionProtocol } from "./io/execution-protocol.js";
import { NotificationProtocol } from "./io/notification-protocol.js";
import { RelayProtocol } from "./io/relay-protocol.js";
import { WorkspaceProtocol } from "./io/workspace-protocol.js";
import { RelayStream } from "./relay-stream.js";

/** Milliseconds: a little more than two heartbeats, which are 30 s, 5 s, 20 s (the client's own pings) and 15 s apart. */
const DEFAULT_SILENCE = { notifications: 65_000, workspace: 12_000, relay: 45_000, execution: 35_000 };

/**
 * A deployment of Causeway, with the token of one user. Dispatches `token` (`TokenNotice`) as a CustomEvent with a `detail`, while a stream
 * of this tab has a connection, and when a token was refused.
 */
export class Causeway extends EventTarget {
    #context;

    /** @param {import("./causeway.js").CausewayOptions} options */
    constructor({ origin = globalThis.location?.origin, token, tickets = true, share = true, claims = {}, backoff = {}, silence = {} } = {}) {
        super();
        if (typeof token !== "string" && typeof token !== "function") {
            throw new TypeError("token: give a string, or a function that gets one");
        }
        const pauses = { ...DEFAULT_BACKOFF, ...backoff };
        const notify = (detail) => this.dispatchEvent(new CustomEvent("token", { detail }));
        this.#context = {
            origin: new URL(origin).origin,
            tokens: new TokenSource(token, { clock: CLOCK, backoff: pauses, notify }),
            tickets,
            claims: { ...DEFAULT_CLAIM_NAMES, ...claims },
            share: share && Boolean(globalThis.navigator?.locks && globalThis.BroadcastChannel),
            backoff: pauses,
            silence: { ...DEFAULT_SILENCE, ...silence },
        };
    }

    /**
     * Opens the notification stream: every event of the token's tenant, over server-sent events.
     *
     * @param {{ types?: string | string[], lastEventId?: string }} [options] `types`: only these, such as `approval.requested` or
     *   `incident.*`. `lastEventId`: the event to resume after; `""` starts at the oldest event that is kept. By default, only new events.
     */
    notifications({ types, lastEventId } = {}) {
        return new EventStream(this.#context, new NotificationProtocol(this.#context.origin, typeList(types)), lastEventId);
    }

    /**
     * Opens the workspace stream: the same events over a WebSocket.
     *
     * @param {{ workspaceId?: string, types?: string | string[], lastEventId?: string }} [options] `workspaceId`: by default the
     *   token's tenant; the server accepts no other.
     */
    workspace({ workspaceId, types, lastEventId } = {}) {
        const { origin, claims } = this.#context;
        return new EventStream(this.#context, new WorkspaceProtocol(origin, workspaceId, typeList(types), claims), lastEventId);
    }

    /**
     * Opens a connection to the relay: events of subscribed incidents, and commands to services, over JSON-RPC.
     *
     * @param {{ lastEventId?: string }} [options] `lastEventId`: the default of `subscribe`.
     */
    relay({ lastEventId } = {}) {
        return new RelayStream(this.#context, new RelayProtocol(this.#context.origin), lastEventId);
    }

    /**
     * Opens the stream of one execution, from its first event to its last, after which the stream is `ended` with reason `completed`.
     *
     * @param {"agent" | "workflow"} kind
     * @param {string} name
     * @param {{ execution?: string, wait?: boolean, lastEventId?: string }} [options] `execution`: the id of an execution; by default the
     *   latest. `wait`: wait for one to start if nothing has run under that name yet.
     */
    execution(kind, name, { execution, wait = false, lastEventId } = {}) {
        if (kind !== "agent" && kind !== "workflow") throw new TypeError('kind: "agent" or "workflow"');
        return new EventStream(this.#context, new ExecutionProtocol(this.#context.origin, `${kind}s`, name, execution, wait), lastEventId);
    }

    /**
     * Calls `fetch` with the token, which is renewed once if the server refuses it. Without a token it waits for one, until `init.signal` aborts.
     *
     * @param {string} path A path of the deployment. Another origin is an error, so that the token is sent nowhere else.
     * @param {RequestInit & { timeout?: number }} [init] `timeout`: milliseconds for each attempt from when it is sent, in which the body is to be read
     *   too; waiting for a token does not count.
     * @returns {Promise<Response>}
     */
    async fetch(path, { timeout, ...init } = {}) {
        const { origin, tokens } = this.#context;
        const url = new URL(path, origin);
        if (url.origin !== origin) throw new TypeError(`path: ${url.origin} is not the deployment's origin`);
        const send = async (token) => {
            const headers = new Headers(init.headers);
            headers.set("Authorization", `Bearer ${token}`);
            const response = await fetch(url, { ...init, headers, signal: earlier(init.signal, timeout) });
            if (response.ok) tokens.accepted(token);
            return response;
        };
        const token = await unlessAborted(tokens.current(), init.signal);
        const response = await send(token);
        // A body that is a stream was consumed and cannot be sent again.
        if (response.status !== 401 || tokens.isFixed || init.body instanceof ReadableStream) return response;
        tokens.refuse(token);
        return send(await unlessAborted(tokens.current(), init.signal));
    }
}

/** A signal that aborts with another one, or after a time in milliseconds; undefined without either. */
function earlier(signal, timeout) {
    if (timeout === undefined) return signal;
    return signal ? AbortSignal.any([signal, AbortSignal.timeout(timeout)]) : AbortSignal.timeout(timeout);
}

/** Waits for a promise, and fails with the signal's reason when that aborts first: the page's function may take its time. */
async function unlessAborted(promise, signal) {
    if (!signal) return promise;
    signal.throwIfAborted();
    const settled = new AbortController();
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { signal: settled.signal }));
    return Promise.race([promise, aborted]).finally(() => settled.abort());
}
