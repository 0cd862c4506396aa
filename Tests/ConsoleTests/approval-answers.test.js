import assert from "node:assert/strict";
import test from "node:test";

import { understood } from "../../deploy/console/approvals/answers.js";
import { Intention } from "../../deploy/console/approvals/intention.js";

const refused = (status, error, more = {}) => ({ status, body: { error, message: "because" }, retryAfter: NaN, ...more });
const asked = { action: "approve", isUnknown: false };

test("a decision and a vote are confirmed", () => {
    const decided = understood({ status: 200, body: { status: "approved" } }, asked);
    assert.deepEqual([decided.kind, decided.text], ["recorded", "Recorded: you approved, which decided it."]);
    const groups = [{ name: "dba", n: 1, approvals: 0, step: null }];
    const voted = understood({ status: 200, body: { status: "pending", groups } }, asked);
    assert.equal(voted.text, "Recorded: you approved. It waits for 1 more of dba.");
    assert.match(understood({ status: 200, body: { status: "rejected" } }, { ...asked, action: "reject" }).text, /you rejected/);
});

test("each error code has a plain text that says whether something was recorded", () => {
    const codes = {
        already_resolved: [409, /Another decision came first/, true],
        already_voted: [409, /You have voted already/, true],
        expired: [409, /deadline passed/, true],
        conflict: [409, /not what would be executed/, false],
        forbidden: [403, /no group that may decide now/, true],
        self_approval: [403, /another person/, true],
        not_found: [404, /no such approval/, true],
        unauthorized: [401, /sign in again/, true],
        rate_limited: [429, /Too many requests/, false],
        payload_too_large: [413, /too long/, false],
        validation_error: [400, /because/, false],
    };
    for (const [code, [status, text, isFinal]] of Object.entries(codes)) {
        const verdict = understood(refused(status, code), asked);
        assert.deepEqual([verdict.kind, verdict.code, verdict.isFinal], ["refused", code, isFinal], code);
        assert.match(verdict.text, text, code);
        assert.match(verdict.text, /recorded|stands|counts as rejected/, code);
    }
});

test("a limit says when to try again", () => {
    assert.match(understood(refused(429, "rate_limited", { retryAfter: 5 }), asked).text, /Nothing was recorded\. Try again in 5 s\.$/);
});

test("without a clear answer nothing is claimed", () => {
    for (const response of [
        undefined,
        refused(503, "service_unavailable", { retryAfter: 3 }),
        refused(500, "internal"),
        refused(502, "toString"),
        { status: 200, body: null },
        { status: 504, body: "gateway" },
    ]) {
        const verdict = understood(response, asked);
        assert.deepEqual([verdict.kind, verdict.text], ["unknown", "Not known yet whether you approved."]);
    }
    // A limit, or a right that was lost, says nothing about the try before.
    for (const [status, code] of [[429, "rate_limited"], [401, "unauthorized"], [403, "forbidden"]]) {
        assert.equal(understood(refused(status, code), { ...asked, isUnknown: true }).kind, "unknown");
    }
    assert.equal(understood(refused(409, "already_resolved"), { ...asked, isUnknown: true }).kind, "refused");
});

/** Runs an intention against these responses; returns what was sent, the states, and the pauses. */
function intending(responses, answer = {}) {
    const seen = { sent: [], states: [], pauses: [] };
    const intention = new Intention(
        { approvalId: "app_1", action: "approve", ...answer },
        {
            key: "key",
            send: async (body, key) => {
                seen.sent.push([body, key]);
                return responses.shift();
            },
            wait: async (time) => void seen.pauses.push(time),
            onState: ({ state }) => seen.states.push(state),
        },
    );
    return { intention, ...seen };
}

test("what was answered is sent with its digest and reason, once if the result is clear", async () => {
    const { intention, sent, states } = intending([{ status: 200, body: { status: "approved" } }], { reason: "fine", actionDigest: "sha256:1" });
    assert.ok(intention.isOpen);
    await intention.run();
    assert.deepEqual(sent, [[{ action: "approve", reason: "fine", actionDigest: "sha256:1" }, "key"]]);
    assert.deepEqual(states.map(({ phase }) => phase), ["recorded"]);
    assert.deepEqual(states[0].answer, { status: "approved" });
    assert.ok(!intention.isOpen);
});

test("an unknown result is asked for by the same key until it is known", async () => {
    const { intention, sent, states, pauses } = intending([
        undefined,
        refused(503, "service_unavailable", { retryAfter: 5 }),
        refused(429, "rate_limited", { retryAfter: 600 }),
        { status: 200, body: { status: "approved" } },
    ]);
    await intention.run();
    assert.equal(sent.length, 4);
    assert.ok(sent.every(([body, key]) => key === "key" && body === sent[0][0]));
    assert.deepEqual(pauses, [1000, 5000, 60_000]);
    assert.match(states[0].text, /^Not known yet whether you approved\. Asking again in 1 s/);
    assert.deepEqual(states.map(({ phase }) => phase), ["unknown", "sending", "unknown", "sending", "unknown", "sending", "recorded"]);
});

test("after a while it needs a person to ask again, and is still the same answer", async () => {
    const { intention, sent, states } = intending(Array(7).fill(undefined).concat([refused(409, "already_resolved")]));
    await intention.run();
    assert.equal(sent.length, 7);
    assert.equal(intention.state.phase, "unanswered");
    assert.ok(intention.isOpen);
    await intention.run();
    assert.equal(sent.length, 8);
    assert.equal(sent[7][1], "key");
    assert.equal(states.at(-1).phase, "refused");
    assert.ok(!intention.isOpen);
});

test("it is not sent twice at once", async () => {
    const { intention, sent } = intending([{ status: 200, body: { status: "rejected" } }], { action: "reject" });
    await Promise.all([intention.run(), intention.run()]);
    assert.equal(sent.length, 1);
});
