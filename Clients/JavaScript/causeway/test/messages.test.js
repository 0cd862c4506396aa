import assert from "node:assert/strict";
import test from "node:test";

import { CausewayError } from "../src/core/errors.js";
import { notificationUpdate } from "../src/core/notification-messages.js";
import { errorUpdate, placeOf } from "../src/core/updates.js";
import { WorkspaceMessages } from "../src/core/workspace-messages.js";

const ID = "evt_01M7YZSJBYPCZ0000000000002";

/** Checks that the time is the present, and takes it out. */
function withoutTime(update) {
    const { receivedAt, ...detail } = update.detail;
    assert.ok(Math.abs(Date.now() - receivedAt) < 60_000, `${receivedAt}`);
    return { ...update, detail };
}

const block = (type, data, id = ID) => ({ type, id, data: data === null ? null : JSON.stringify(data), retry: null });

test("a notification's payload is what was published, without the members of the envelope", () => {
    const payload = { incidentId: "1", id: "own" };
    const time = "2026-01-01T00:00:00Z";
    const update = notificationUpdate(block("incident.created", { type: "incident.created", timestamp: time, ...payload }));
    assert.deepEqual(withoutTime(update), {
        kind: "event", detail: { id: ID, type: "incident.created", data: payload, time, transport: "notifications" },
    });
});

test("control blocks of the notification stream", () => {
    assert.deepEqual(withoutTime(notificationUpdate(block("ping", {}))), { kind: "heartbeat", detail: { id: ID } });
    assert.deepEqual(notificationUpdate(block("message", null)), { kind: "place", detail: { id: ID } });
    assert.equal(notificationUpdate(block("message", null, null)), undefined, "retry alone");
    assert.deepEqual(notificationUpdate(block("stream.stalled", {})), { kind: "standing", isStalled: true });
    assert.deepEqual(notificationUpdate(block("stream.live", {})), { kind: "standing", isStalled: false });
    assert.deepEqual(notificationUpdate(block("stream.gap", { reason: "expired", missedBefore: "evt_x" })), {
        kind: "gap", detail: { reason: "expired", missedBefore: "evt_x", id: ID },
    });
});

test("data that is no JSON is an error", () => {
    assert.throws(() => notificationUpdate({ type: "a.b", id: ID, data: "{", retry: null }), SyntaxError);
});

test("a workspace message is an event with its payload", () => {
    const [update] = new WorkspaceMessages(false).updates({ type: "a.b", payload: { n: 1 }, ts: "2026-01-01T00:00:00Z", id: ID });
    assert.deepEqual(withoutTime(update), {
        kind: "event", detail: { id: ID, type: "a.b", data: { n: 1 }, time: "2026-01-01T00:00:00Z", transport: "workspace" },
    });
});

test("control messages of the workspace stream", () => {
    const messages = new WorkspaceMessages(false);
    assert.deepEqual(messages.updates({ type: "connected", payload: {} }), []);
    assert.deepEqual(messages.updates({ type: "authenticated", payload: { expires_at: "2026-01-01T00:00:00Z" } }), []);
    for (const [ok, isStalled] of [[true, false], [false, true], [undefined, false]]) {
        const [standing, heartbeat] = messages.updates({ type: "heartbeat", payload: { ok }, id: ID });
        assert.deepEqual(standing, { kind: "standing", isStalled });
        assert.deepEqual(withoutTime(heartbeat), { kind: "heartbeat", detail: { id: ID } });
    }
    assert.equal(messages.updates({ type: "heartbeat", payload: {} })[1].detail.id, null);
});

test("the first unknown_cursor answers a connection without a position, every other gap is one", () => {
    const gap = (reason) => ({ type: "stream.gap", payload: { reason }, id: ID });
    const place = { kind: "place", detail: { id: ID } };
    const unknown = { kind: "gap", detail: { reason: "unknown_cursor", id: ID } };
    const expired = { kind: "gap", detail: { reason: "expired", id: ID } };
    const fresh = new WorkspaceMessages(true);
    const updates = ["expired", "unknown_cursor", "unknown_cursor"].flatMap((reason) => fresh.updates(gap(reason)));
    assert.deepEqual(updates, [expired, place, unknown]);
    assert.deepEqual(new WorkspaceMessages(false).updates(gap("unknown_cursor")), [unknown]);
});

test("an error becomes plain data, with its own code if it has one", () => {
    const { detail } = errorUpdate(new CausewayError("forbidden", "No.", { a: 1 }), "network");
    assert.deepEqual(detail, { code: "forbidden", message: "No.", data: { a: 1 } });
    assert.deepEqual(errorUpdate(new TypeError("Failed"), "network").detail, { code: "network", message: "Failed", data: undefined });
    assert.deepEqual(structuredClone(errorUpdate(new TypeError("x"), "y")).kind, "error");
});

test("an update's position is its place, or else its id", () => {
    assert.equal(placeOf({ place: "5 run", detail: { id: "5" } }), "5 run");
    assert.equal(placeOf({ detail: { id: ID } }), ID);
    assert.equal(placeOf({ kind: "standing" }), undefined);
    assert.equal(placeOf(undefined), undefined);
});
