import assert from "node:assert/strict";
import test from "node:test";

import { renewalOutcome, renewalStep, renewalTime } from "../src/core/renewal.js";

const ANN = { user: "ann", group: "ann member" };
const ADMIN = { user: "ann", group: "ann admin" };
const BOB = { user: "bob", group: "bob member" };
const MINUTE = 60_000;

test("a token is renewed a tenth of its life before it expires, and 30 s before at least", () => {
    const before = (life) => life - renewalTime(1_000 + life, 1_000, () => 0) + 1_000;
    assert.equal(before(60 * MINUTE), 6 * MINUTE);
    assert.equal(before(15 * MINUTE), 90_000);
    assert.equal(before(5 * MINUTE), 30_000);
    assert.equal(before(2 * MINUTE), 30_000);
});

test("a token that lives for less than a minute is renewed at half of its life", () => {
    const after = (life) => renewalTime(1_000 + life, 1_000, () => 0) - 1_000;
    assert.equal(after(40_000), 20_000);
    assert.equal(after(8_000), 4_000);
    assert.equal(after(100), 1_000, "not more than once a second");
});

test("the jitter renews earlier, by a quarter of the lead at most", () => {
    assert.equal(renewalTime(60 * MINUTE, 0, () => 1), 52.5 * MINUTE);
    for (let attempt = 0; attempt < 100; attempt++) {
        const time = renewalTime(15 * MINUTE, 0);
        assert.ok(time >= 15 * MINUTE - 112_500 && time <= 15 * MINUTE - 90_000, `${time}`);
    }
});

test("a connection is renewed in place where that is possible, calls or not", () => {
    for (const isBusy of [false, true]) assert.deepEqual(renewalStep(ANN, ANN, { canRenew: true, isBusy }), { step: "renew" });
});

test("else it is opened again, but not while calls are under way", () => {
    assert.deepEqual(renewalStep(ANN, ANN, { canRenew: false, isBusy: false }), { step: "reconnect" });
    assert.deepEqual(renewalStep(ANN, ANN, { canRenew: false, isBusy: true }), { step: "later" });
});

test("a token of another user or of other roles is for another connection", () => {
    for (const connection of [{ canRenew: true, isBusy: false }, { canRenew: false, isBusy: true }]) {
        assert.deepEqual(renewalStep(ANN, BOB, connection), { step: "end", reason: "another_identity" });
        assert.deepEqual(renewalStep(ANN, ADMIN, connection), { step: "end", reason: "other_roles" });
    }
});

test("an answer renews; without the method it is never tried again, after another error it is", () => {
    assert.equal(renewalOutcome({ id: "authenticate", result: { expiresAt: "2026-01-01T00:00:00Z" } }), "renewed");
    assert.equal(renewalOutcome({ id: "authenticate", error: { code: -32601, message: "no such method" } }), "unsupported");
    for (const code of [-32603, -32005]) assert.equal(renewalOutcome({ id: "authenticate", error: { code, message: "later" } }), "failed");
});
