/** What carries a stream. */
export type Transport = "notifications" | "workspace" | "relay" | "execution";

/**
 * What the token function is called with: at first use, before `exp` passes or when it has passed, and when the server refused the token
 * `previous`, for example because it was revoked.
 */
export interface TokenRequest {
    reason: "first" | "expiring" | "refused";
    previous?: string;
}

/**
 * Returns a token; null if the user has signed out, which ends the streams. It may take its time, for example until the user has signed in
 * again. If it fails, or returns `previous`, it is called again with backoff.
 */
export type TokenFunction = (request: TokenRequest) => string | null | undefined | Promise<string | null | undefined>;

/** The `detail` of a `token` event. */
export interface TokenNotice {
    /**
     * `renewed`: there is another token. `expiring`: it is about to expire, and the function has failed, or the token is fixed. `expired`: its
     * `exp` has passed; the server ends its streams. `refused`: the server does not accept it, for example because it was revoked.
     */
    state: "renewed" | "expiring" | "expired" | "refused";
    /** Milliseconds since 1970; null without an `exp`, or if it had passed already when the token was obtained. */
    expiresAt: number | null;
    /** Milliseconds until the function is called again, after a failure. */
    retryInMs: number | null;
    /** The function's failure. */
    error: any;
}

/** How long to wait after failures. */
export interface Backoff {
    /** Milliseconds before the first new attempt (500). */
    first: number;
    /** The factor by which each further wait is longer (2). */
    factor: number;
    /** The longest wait, in milliseconds (30000). */
    max: number;
    /** The random part of a wait, from 0 to 1 (0.5). */
    jitter: number;
}

export interface CausewayOptions {
    /** The origin of the services. By default the page's own origin; required where there is no `location`. */
    origin?: string | URL;
    /**
     * A token, or a function that returns one. Streams share one call at a time; after the first use it is called only in the tab that
     * has the connection, and by `fetch`.
     */
    token: string | TokenFunction;
    /**
     * Whether each connection is opened with a ticket, for which the token is exchanged (true). Set it to false for servers without tickets:
     * then the token is sent in the header `Authorization`, and in the subprotocol of WebSockets.
     */
    tickets?: boolean;
    /** Whether tabs share connections (true, where the browser has Web Locks and BroadcastChannel). */
    share?: boolean;
    /**
     * The claims in which the server looks for the tenant and the roles, where it is configured (`AUTH_TENANT_CLAIMS`, `AUTH_ROLE_CLAIMS`); of each list
     * the first one present counts. Tabs share connections by them.
     */
    claims?: { tenant?: string[]; roles?: string[] };
    backoff?: Partial<Backoff>;
    /** After how many milliseconds without a byte a connection counts as broken: more than two of the server's heartbeats. */
    silence?: Partial<Record<Transport, number>>;
}

/** The `detail` of an `event`. */
export interface CausewayEvent<Data = any> {
    /** The position to resume after; null for a push of the relay whose payload has its own `id`. */
    id: string | null;
    /** Such as `investigation.progress`. */
    type: string;
    /** The payload as it was published. */
    data: Data;
    /** When it happened, ISO 8601; null in executions. */
    time: string | null;
    transport: Transport;
    /** When it was received, in milliseconds since 1970 by this machine's clock. */
    receivedAt: number;
    /** The execution it belongs to, in execution streams, if the server has named it. */
    execution?: string;
}

/** The `detail` of a `state`. */
export interface StreamState {
    /** `stalled`: connected to a server that cannot reach the log. `unauthorized`: stopped until the token function returns another token. */
    state: "connecting" | "live" | "stalled" | "waiting" | "offline" | "unauthorized" | "ended";
    /** One word from the server, the browser or this library. */
    reason: string | null;
    /** How many attempts have failed, or connections ended soon, in a row. */
    attempt: number;
    /** Milliseconds until the next attempt, in the states `waiting` and `offline`, and in `unauthorized` after a failure of the token function. */
    retryInMs: number | null;
    /** Whether this tab has the connection. */
    leader: boolean;
    /** When the state began, in milliseconds since 1970. */
    since: number;
}

/** The `detail` of a `gap`: events are missing, so load your state again from where it is stored. */
export interface Gap {
    /** The position is older than the log keeps, or of an unknown log. */
    reason: "expired" | "unknown_cursor";
    /** The oldest event that is kept. */
    missedBefore?: string;
    /** The position from which the stream continues. */
    id: string | null;
}

/** The `detail` of a `heartbeat`. */
export interface Heartbeat {
    id: string | null;
    receivedAt: number;
}

/** What streams dispatch. */
export interface EventStreamEventMap {
    event: CustomEvent<CausewayEvent>;
    state: CustomEvent<StreamState>;
    gap: CustomEvent<Gap>;
    heartbeat: CustomEvent<Heartbeat>;
    error: CustomEvent<CausewayError>;
}

/** A listener of a stream's events, as a function or an object. */
export type EventStreamListener<Type extends keyof EventStreamEventMap> =
    | ((this: EventStream, event: EventStreamEventMap[Type]) => any)
    | { handleEvent(event: EventStreamEventMap[Type]): any };

export interface NotificationOptions {
    /** Only these types, such as `approval.requested` or `incident.*`. */
    types?: string | Iterable<string>;
    /** The event to resume after; `""` starts at the oldest event that is kept. By default, only new events. */
    lastEventId?: string;
}

export interface WorkspaceOptions extends NotificationOptions {
    /** By default the token's tenant; the server accepts no other. */
    workspaceId?: string;
}

export interface RelayOptions {
    /** The default of {@link RelayStream.subscribe}. */
    lastEventId?: string;
}

export interface ExecutionOptions {
    /** The id of an execution; by default the latest. */
    execution?: string;
    /** Whether to wait for an execution to start if nothing has run under that name yet (false). */
    wait?: boolean;
    /** The event to resume after; by default the stream begins with the first. */
    lastEventId?: string;
}

export interface RequestOptions {
    /** Milliseconds (35000). */
    timeout?: number;
    onProgress?: (progress: any) => void;
    signal?: AbortSignal;
}

/** A block of an event stream: null for a field that no line set; `type` is `message` by default. */
export interface EventStreamBlock {
    type: string;
    data: string | null;
    id: string | null;
    retry: number | null;
}

/** What a {@link Causeway} dispatches. */
export interface CausewayEventMap {
    token: CustomEvent<TokenNotice>;
}

/**
 * A deployment of Causeway, with the token of one user. Dispatches `token` while a stream of this tab has a connection, and when a token was
 * refused.
 */
export class Causeway extends EventTarget {
    constructor(options: CausewayOptions);

    addEventListener<Type extends keyof CausewayEventMap>(
        type: Type,
        listener: ((this: Causeway, event: CausewayEventMap[Type]) => any) | { handleEvent(event: CausewayEventMap[Type]): any } | null,
        options?: boolean | AddEventListenerOptions,
    ): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;

    /** Opens the notification stream: every event of the token's tenant, over server-sent events. */
    notifications(options?: NotificationOptions): EventStream;

    /** Opens the workspace stream: the same events over a WebSocket. */
    workspace(options?: WorkspaceOptions): EventStream;

    /** Opens a connection to the relay: events of subscribed incidents, and commands to services, over JSON-RPC. */
    relay(options?: RelayOptions): RelayStream;

    /** Opens the stream of one execution, from its first event to its last, after which the stream is `ended` with reason `completed`. */
    execution(kind: "agent" | "workflow", name: string, options?: ExecutionOptions): EventStream;

    /**
     * Calls `fetch` with the token, which is renewed once if the server refuses it. Without a token it waits for one, until `init.signal` aborts.
     *
     * @param path A path of the deployment. Another origin is an error, so that the token is sent nowhere else.
     * @param init `timeout`: milliseconds for each attempt from when it is sent, in which the body is to be read too; waiting for a token does not
     *   count.
     */
    fetch(path: string | URL, init?: RequestInit & { timeout?: number }): Promise<Response>;
}

/**
 * A stream of events. It connects and reconnects until `close()` is called or until it has `ended`. Get one from {@link Causeway}.
 *
 * None of its events is dispatched before the code that created the stream has returned. A `for await` loop over it ends when the stream
 * is closed or completed, and throws if it ended for another reason; with the code `slow_reader`, which closes the stream too, when it is 10,000 events
 * behind. Leaving the loop closes the stream.
 */
export class EventStream extends EventTarget {
    protected constructor();

    /** The last state. */
    get state(): StreamState;

    /**
     * The position behind what was dispatched last, to resume after in another session; undefined before one is known, and always on the relay. A
     * `for await` loop may be behind it: there the position is the `id` of the last event that it has processed.
     */
    get lastEventId(): string | undefined;

    /** Closes the stream in this tab only. */
    close(): void;

    [Symbol.asyncIterator](): AsyncIterableIterator<CausewayEvent>;

    addEventListener<Type extends keyof EventStreamEventMap>(
        type: Type,
        listener: EventStreamListener<Type> | null,
        options?: boolean | AddEventListenerOptions,
    ): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;

    removeEventListener<Type extends keyof EventStreamEventMap>(
        type: Type,
        listener: EventStreamListener<Type> | null,
        options?: boolean | EventListenerOptions,
    ): void;
    removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** A stream of the events of subscribed incidents, with methods to subscribe and to send commands. */
export class RelayStream extends EventStream {
    protected constructor();

    /**
     * Subscribes to the investigation and the remediation of an incident. The subscription survives reconnects and a change of the leader.
     */
    subscribe(incidentId: string, options?: RelayOptions): Promise<void>;

    /** Withdraws the subscription. */
    unsubscribe(incidentId: string): Promise<void>;

    /**
     * Calls a method of the relay or of a service behind it. Returns the result.
     *
     * It is executed at most once. If the connection is lost before the answer, it fails with the code `connection_lost` and may have been
     * executed or not. `timeout` and `signal` abandon a call on this side only; the service continues until its own deadline.
     *
     * Fails with a {@link CausewayError} whose `code` is the JSON-RPC error's, or `invalid_params` if JSON cannot represent them.
     */
    request(method: string, params?: object, options?: RequestOptions): Promise<any>;
}

/** An error with a `code`: a word such as `unauthorized`, or the number of a JSON-RPC error, with that error's `data`. */
export class CausewayError extends Error {
    constructor(code: string | number, message?: string, data?: any);

    code: string | number;
    data: any;
}

/** Parses an event stream as the HTML standard defines it, from chunks that may end anywhere. */
export class EventStreamParser {
    /** Returns the blocks that these bytes complete; also those without data. Throws if a line is longer than 8 Mi characters. */
    feed(bytes: Uint8Array): EventStreamBlock[];
}

/** Returns the claims of a JWT, unverified: only the server can verify them. Throws a {@link CausewayError} with code `not_a_token`. */
export function readClaims(token: string): { sub?: string; exp?: number; [claim: string]: any };

/**
 * Returns how long to wait before a new attempt, in milliseconds.
 *
 * @param attempt How many attempts have failed before it, from 0.
 * @param random Returns a number from 0 to 1.
 */
export function backoffDelay(attempt: number, backoff: Backoff, random?: () => number): number;

/** Compares two positions in a log like a comparator of `sort`; NaN if they are of two logs, or one is no event's id. */
export function compareCursors(one: string | undefined, other: string | undefined): number;
