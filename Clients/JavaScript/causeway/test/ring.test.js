import assert from "node:assert/strict";
import test from "node:test";

import { compareExecutionPlaces } from "../src/core/execution-places.js";
import { Ring, RING_UPDATES } from "../src/core/ring.js";

const PROTOCOL = { compare: (one, other) => (one === undefined || other === undefined ? NaN : Number(one) - Number(other)) };
const event = (n) => ({ kind: "event", detail: { id: String(n) } });
const ids = (updates) => updates?.map(({ detail }) => detail.id);

function ringOf(from, ...updates) {
    const ring = new Ring(from, PROTOCOL);
    for (const update of updates) ring.push(update);
    return ring;
}

test("a tab gets what came after its position", () => {
    const ring = ringOf("2", event(3), event(4), event(5));
    assert.deepEqual(ids(ring.after("2")), ["3", "4", "5"]);
    assert.deepEqual(ids(ring.after("3")), ["4", "5"]);
    assert.deepEqual(ids(ring.after("5")), []);
    assert.deepEqual(ring.after(undefined), [], "it wants nothing of the past");
    assert.equal(ring.place, "5");
});

test("a position before the ring's is not answered", () => {
    assert.equal(ringOf("2", event(3)).after("1"), undefined);
});

test("a ring without a position begins at the first update that has one", () => {
    const ring = ringOf(undefined, { kind: "place", detail: { id: "7" } }, event(8));
    assert.deepEqual(ids(ring.after("7")), ["8"]);
    assert.equal(ring.after("6"), undefined);
});

test("only events and gaps are kept; a heartbeat moves the position", () => {
    const ring = ringOf("1", event(2), { kind: "heartbeat", detail: { id: "9" } }, { kind: "error", detail: {} });
    assert.deepEqual(ids(ring.after("1")), ["2"]);
    assert.equal(ring.place, "9");
});

test("another log empties the ring", () => {
    const ring = ringOf("1", event(2), { kind: "gap", detail: { reason: "unknown_cursor", id: "10" } }, event(11));
    assert.deepEqual(ids(ring.after("10")), ["11"]);
    assert.equal(ring.after("2"), undefined);
});

test("a new execution empties the ring, and a position in another one is not answered", () => {
    const ring = new Ring("", { compare: compareExecutionPlaces });
    const step = (id, run, restarts = false) => ring.push({ kind: "event", restarts, place: `${id} ${run}`, detail: { id } });
    step("1", "a");
    step("2", "a");
    step("1", "b", true);
    assert.deepEqual(ids(ring.after("")), ["1"]);
    assert.deepEqual(ids(ring.after("1 b")), []);
    assert.equal(ring.after("2 a"), undefined);
});

test("the ring is bounded, and knows what it has dropped", () => {
    const ring = new Ring("0", PROTOCOL);
    const count = RING_UPDATES * 2;
    for (let n = 1; n <= count; n++) ring.push(event(n));
    assert.equal(ring.after("1"), undefined);
    const oldest = Array.from({ length: count }, (_, n) => ring.after(String(n))).find(Boolean);
    assert.ok(oldest.length >= RING_UPDATES && oldest.length <= RING_UPDATES * 1.25, `${oldest.length}`);
    assert.deepEqual(ids(oldest), Array.from({ length: oldest.length }, (_, n) => String(count - oldest.length + 1 + n)));
});

test("a ring that keeps nothing has nothing to give", () => {
    const ring = new Ring(undefined, { ...PROTOCOL, keeps: false });
    ring.push(event(1));
    assert.deepEqual(ring.after("0"), []);
    assert.equal(ring.place, undefined);
});
