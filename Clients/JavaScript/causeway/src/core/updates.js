/**
 * Updates: what a connection publishes to the tabs of a group. They are plain data, because a BroadcastChannel clones them.
 *
 * `kind`: `event`, `gap`, `heartbeat`, `place` (a position to resume after, without an event), `error`, `state`, and `ended` when the
 * connection will not be opened again; of the relay also `reply` and `progress`. Readers of messages make another one, `standing`,
 * which the connection turns into a state. `detail`: what the page gets. `lane`: the relay's subscription that it belongs to.
 */

import { CausewayError } from "./errors.js";

export function eventUpdate(transport, id, type, data, time) {
    return { kind: "event", detail: { id, type, data, time, transport, receivedAt: Date.now() } };
}

export function heartbeatUpdate(id) {
    return { kind: "heartbeat", detail: { id, receivedAt: Date.now() } };
}

export function gapUpdate(detail) {
    return { kind: "gap", detail };
}

export function placeUpdate(id) {
    return { kind: "place", detail: { id } };
}

/** An error without its class, which would not survive a BroadcastChannel. `code`: for errors other than {@link CausewayError}. */
export function errorUpdate(error, code) {
    const { message, data } = error;
    return { kind: "error", detail: { code: error instanceof CausewayError ? error.code : code, message, data } };
}

/** The server's access to the log, as it reports it. */
export function standingUpdate(isStalled) {
    return { kind: "standing", isStalled };
}

const STALLED = "stream.stalled";
const LIVE = "stream.live";

/** Whether a message of that type says that the server cannot reach the log, or can reach it again. */
export function isStanding(type) {
    return type === STALLED || type === LIVE;
}

export function standingOf(type) {
    return standingUpdate(type === STALLED);
}

/** The position of the stream after an update: the event's id, unless the update names another. */
export function placeOf(update) {
    return update?.place ?? update?.detail?.id;
}
