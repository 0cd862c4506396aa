import assert from "node:assert/strict";
import test from "node:test";

import { arrange, byDeadline, byDecision } from "../../deploy/console/approvals/order.js";
import { ServerClock } from "../../deploy/console/approvals/server-clock.js";
import { standing } from "../../deploy/console/approvals/standing.js";
import { reportOf } from "../../deploy/console/incidents/report.js";
import { escalationLines, execution, historyLines, incidentOf, membersOf, missing, outcome, remaining, riskOf, tally } from "../../deploy/console/approvals/texts.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const group = (name, n, approvedBy = [], more = {}) => ({ name, roles: [name], users: [], n, approvals: approvedBy.length, approvedBy, step: null, ...more });

test("the one that expires next is first, and those without a deadline are last", () => {
    const approval = (approvalId, expiresAt, requestedAt) => ({ approvalId, expiresAt, requestedAt });
    const sorted = [
        approval("late", "2026-12-02T00:00:00Z", "2026-11-01T00:00:00Z"),
        approval("never-2", null, "2026-11-02T00:00:00Z"),
        approval("never-1", null, "2026-11-01T00:00:00Z"),
        approval("next", "2026-12-01T12:00:00+02:00", "2026-11-03T00:00:00Z"),
        approval("same-b", "2026-12-01T11:00:00Z", "2026-11-03T00:00:00Z"),
        approval("same-a", "2026-12-01T11:00:00Z", "2026-11-03T00:00:00Z"),
    ].sort(byDeadline);
    assert.deepEqual(sorted.map(({ approvalId }) => approvalId), ["next", "same-a", "same-b", "late", "never-1", "never-2"]);
});

test("the latest decision is first", () => {
    const decided = (approvalId, decidedAt) => ({ approvalId, decision: { decidedAt } });
    const sorted = [decided("a", "2026-11-01T00:00:00Z"), decided("b", "2026-11-01T00:00:01Z")].sort(byDecision);
    assert.deepEqual(sorted.map(({ approvalId }) => approvalId), ["b", "a"]);
});

test("nothing moves while somebody aims: what is new waits", () => {
    assert.deepEqual(arrange(["b"], ["a", "b"], false), { order: ["a", "b"], waiting: [] });
    assert.deepEqual(arrange(["b", "c"], ["a", "c", "d"], true), { order: ["b", "c"], waiting: ["a", "d"] });
    assert.deepEqual(arrange([], ["a"], true), { order: ["a"], waiting: [] });
});

test("the time that is left has two units", () => {
    const text = (left) => remaining({ expiresAt: 1e12 + left, requestedAt: 1e12 - 30 * 24 * HOUR }, 1e12).text;
    assert.equal(text(76 * HOUR + 59 * MINUTE), "3 d 4 h left");
    assert.equal(text(25 * HOUR), "25 h 0 min left");
    assert.equal(text(2 * HOUR + 10 * MINUTE), "2 h 10 min left");
    assert.equal(text(25 * MINUTE + 59 * SECOND), "25 min left");
    assert.equal(text(5 * MINUTE), "5 min 00 s left");
    assert.equal(text(4 * MINUTE + 5 * SECOND), "only 4 min 05 s left");
    assert.equal(text(58_999), "only 58 s left");
    assert.equal(text(1), "only 1 s left");
    assert.equal(text(0), "deadline passed");
    assert.equal(text(NaN), "no deadline");
});

test("time is short by the whole of it", () => {
    const isShort = (left, whole) => remaining({ expiresAt: 1e12 + left, requestedAt: 1e12 + left - whole }, 1e12).isShort;
    assert.deepEqual([6, 4.9].map((minutes) => isShort(minutes * MINUTE, 3 * HOUR)), [false, true]);
    assert.deepEqual([5, 3, 2].map((minutes) => isShort(minutes * MINUTE, 10 * MINUTE)), [false, false, true]);
    assert.deepEqual([119, 61, 59].map((seconds) => isShort(seconds * SECOND, 2 * MINUTE)), [false, false, true], "the last minute is short");
    assert.deepEqual([NaN, -1].map((left) => isShort(left, HOUR)), [false, true]);
    assert.equal(remaining({ expiresAt: 1e12 + 4 * MINUTE }, 1e12).isShort, true, "without the time of the request");
});

test("an incident has its title and severity as soon as they are known", () => {
    const incidentId = "inc_1";
    assert.equal(incidentOf({}, undefined), "");
    assert.equal(incidentOf({ incidentId }, undefined), "incident inc_1");
    assert.equal(incidentOf({ incidentId }, reportOf({ title: "Checkout is slow", severity: "high" })), "incident Checkout is slow · high");
    assert.equal(incidentOf({ incidentId }, reportOf({ severity: "p1" })), "incident inc_1 · p1");
});

test("a tally counts each group, and each escalated step is a further way", () => {
    const groups = [group("security", 2, ["ann"]), group("dba", 1)];
    assert.equal(tally({ groups }), "security 1 of 2 · dba 0 of 1");
    assert.equal(missing({ groups }), "1 more of security, 1 of dba");
    const escalated = [...groups, group("managers", 1, [], { step: 1 })];
    assert.equal(tally({ groups: escalated }), "security 1 of 2 · dba 0 of 1, or managers 0 of 1");
    assert.equal(missing({ groups: escalated }), "1 more of managers");
    assert.equal(tally({ groups: [] }), "");
    assert.equal(missing({}), "");
    assert.equal(tally({ groups: [group("a\u202Eb", 1)] }), "a⟨202E⟩b 0 of 1");
});

test("members are roles, people, or both", () => {
    assert.equal(membersOf({ roles: ["dba"], users: [] }), "role dba");
    assert.equal(membersOf({ roles: ["a", "b"], users: ["dan"] }), "roles a, b, or dan");
    assert.equal(membersOf({ roles: [], users: Array.from("abcdefgh") }), "a, b, c, d, e, f and 2 more");
});

test("an outcome says what and by whom", () => {
    const decided = (action, decidedBy) => outcome({ decision: { action, decidedBy } });
    assert.deepEqual(decided("approve", "ann"), { text: "approved · ann", tone: "good" });
    assert.deepEqual(decided("reject", "ann"), { text: "rejected · ann", tone: "bad" });
    assert.deepEqual(decided("expire", "system"), { text: "expired", tone: "" });
    assert.deepEqual(decided("toString", "ann"), { text: "decided · ann", tone: "" });
    assert.equal(outcome({ decision: null }), undefined);
    assert.deepEqual(riskOf({ risk: "high" }), { text: "high risk", tone: "bad" });
    assert.deepEqual(riskOf({ risk: null }), { text: "", tone: "" });
});

test("a history has a line for each record", () => {
    const at = "2026-11-28T00:00:00Z";
    const entry = (type, more) => ({ type: `approval.${type}`, by: null, onBehalfOf: null, at, action: null, reason: null, eventId: null, ...more });
    const lines = historyLines({
        history: [
            entry("requested", { by: "olga", eventId: "evt_1" }),
            entry("voted", { by: "ann", action: "approve", reason: "fine" }),
            entry("escalated"),
            entry("voted", { by: "bob", onBehalfOf: "dan", action: "approve" }),
            entry("escalated"),
            entry("resolved", { by: "bob", onBehalfOf: "dan", action: "approve" }),
            entry("consumed", { by: "svc" }),
            entry("resolved", { by: "system", action: "expire" }),
            entry("requested"),
        ],
    });
    assert.deepEqual(lines.map(({ text }) => text), [
        "olga asked",
        "ann approved",
        "Step 1 of the escalation took effect",
        "bob approved in the place of dan",
        "Step 2 of the escalation took effect",
        "Decided: approved by bob in the place of dan",
        "svc took the permit to execute",
        "Expired without a decision: counts as rejected",
        "Requested",
    ]);
    assert.deepEqual([lines[0].eventId, lines[1].reason, lines[1].at], ["evt_1", "fine", at]);
});

test("what was executed, and what must not be, is said", () => {
    assert.equal(execution({ decision: null, consumption: null }), "");
    assert.match(execution({ decision: { action: "approve" }, consumption: null }), /Not executed yet/);
    assert.equal(execution({ decision: { action: "approve" }, consumption: { consumedBy: "svc" } }), "Permit taken by svc");
    assert.equal(execution({ decision: { action: "expire" }, consumption: null }), "Must not be executed");
});

test("a step of the escalation will take effect, has, or never did", () => {
    const step = { after: "600s", at: "2026-11-28T10:00:00Z", escalatedAt: null };
    const texts = (approval) => escalationLines(approval).map(({ text }) => text);
    assert.deepEqual(texts({ escalation: [step], decision: null }), ["Step 1 lets more people decide unless it is decided before"]);
    assert.deepEqual(texts({ escalation: [step], decision: {} }), ["Step 1 did not take effect"]);
    assert.deepEqual(escalationLines({ escalation: [{ ...step, escalatedAt: "2026-11-28T10:00:01Z" }] }), [
        { text: "Step 1 took effect: more people may decide", at: "2026-11-28T10:00:01Z" },
    ]);
});

test("answers are offered to those who may give them", () => {
    const ann = { user: "ann", roles: ["member", "security"], isAdmin: false };
    const olga = { user: "olga", roles: ["admin"], isAdmin: true };
    const offered = (approval, me, delegators) => standing({ groups: [], ...approval }, me, delegators).actions.join();
    const groups = [group("security", 2), group("dba", 1, [], { roles: [], users: ["dan"] })];
    assert.equal(offered({}, olga), "approve,reject");
    assert.deepEqual(standing({ groups: [] }, ann), { actions: [], text: "An admin decides." });
    assert.equal(offered({ groups }, ann), "approve,reject");
    assert.deepEqual(standing({ groups }, olga), { actions: [], text: "To be decided by security, dba." });
    assert.equal(offered({ groups }, { user: "dan", roles: [], isAdmin: false }), "approve,reject");
    // In another's place.
    assert.deepEqual(standing({ groups }, olga, ["dan"]), { actions: ["approve", "reject"], text: "In the place of dan, if they may decide." });
    // Four eyes.
    assert.match(standing({ groups: [], fourEyes: true, requestedBy: "olga" }, olga).text, /^You asked for this/);
    assert.equal(offered({ fourEyes: true, requestedBy: "olga" }, { user: "bob", roles: [], isAdmin: false }, ["olga"]), "");
    assert.equal(offered({ fourEyes: true, requestedBy: null }, olga), "reject");
    assert.equal(offered({ fourEyes: true, requestedBy: "ann" }, olga), "approve,reject");
    // Decided, or answered already.
    assert.equal(offered({ decision: { action: "approve" } }, olga), "");
    const voted = standing({ groups: [group("security", 2, ["ann"])] }, ann);
    assert.deepEqual(voted, { actions: [], text: "Recorded: you approved. It waits for 1 more of security." });
    assert.equal(offered({ groups, ownVote: true }, ann), "");
    const through = [{ type: "approval.voted", by: "bob", onBehalfOf: "ann" }];
    assert.match(standing({ groups, history: through }, ann).text, /^Recorded: you approved through bob\./);
    assert.equal(offered({ groups, history: through }, { user: "bob", roles: ["security"], isAdmin: false }), "");
});

test("a countdown goes by the server's clock where this computer's is wrong", () => {
    const local = Date.parse("2026-11-28T10:00:10Z");
    const clock = new ServerClock(() => local);
    assert.equal(clock.now(), local);
    clock.take("Sat, 28 Nov 2026 10:00:09 GMT", local - 100);
    assert.equal(clock.now(), local, "within what the header can show");
    clock.take("Sat, 28 Nov 2026 10:05:00 GMT", local - 200);
    assert.equal(clock.now(), Date.parse("2026-11-28T10:05:00.600Z"));
    clock.take(null, local);
    clock.take("nonsense", local);
    clock.take("Sat, 28 Nov 2026 10:00:00 GMT", local - 60_000);
    assert.equal(clock.now(), Date.parse("2026-11-28T10:05:00.600Z"));
});
