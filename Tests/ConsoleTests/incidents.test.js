import assert from "node:assert/strict";
import test from "node:test";

import { Course } from "../../deploy/console/incidents/course.js";

const record = (id, type, payload = {}, at = id) => ({ id: `evt_${id}`, type, payload: { incidentId: "inc_1", ...payload }, at });
const created = record(1, "incident.created", { title: "Checkout is slow", severity: "high", service: "checkout" });
const progress = record(2, "investigation.progress", { step: 1, steps: 4, agentName: "logs", message: "Looking" });
const resolved = record(3, "incident.status_changed", { previousStatus: "open", status: "resolved" });

test("an incident's events say what it is", () => {
    const course = new Course("inc_1");
    assert.deepEqual([course.title, course.status.text], ["inc_1", "seen"]);
    course.take(created);
    assert.deepEqual([course.title, course.about, course.severity.name, course.status], ["Checkout is slow", "checkout", "high", { name: "open", text: "open", tone: "bad" }]);
    course.take(progress);
    assert.deepEqual([course.status.text, course.progress, course.last], ["investigating", 0.25, "logs: Looking"]);
    assert.equal(course.take(progress), false, "each event counts once");
});

test("an incident is open until its status says that nobody works on it any more", () => {
    const course = new Course("inc_1");
    const isOpenAt = (status) => (course.take(record(course.records.length, "incident.status_changed", { status })), course.isOpen);
    assert.equal(course.isOpen, true);
    assert.deepEqual(["investigating", "rejected", "remediated", "anything"].map(isOpenAt), [true, true, true, true]);
    assert.deepEqual(["resolved", "open", "closed", "false_positive"].map(isOpenAt), [false, true, false, false]);
});

test("what is read from the log comes before what was delivered", () => {
    const course = new Course("inc_1");
    course.take(resolved);
    course.recall([created, progress, resolved]);
    assert.deepEqual(course.records.map(({ id }) => id), ["evt_1", "evt_2", "evt_3"]);
    assert.deepEqual([course.title, course.status.text, course.at], ["Checkout is slow", "resolved", 3]);
});

test("the last events are kept, and an unknown status is a text like any other", () => {
    const course = new Course("inc_1");
    for (let number = 0; number < 500; number += 1) course.take(record(number, "load.tick"));
    assert.equal(course.records.length, 200);
    assert.equal(course.records.at(-1).id, "evt_499");
    course.take(record(600, "incident.status_changed", { status: "constructor" }));
    assert.deepEqual(course.status, { name: "constructor", text: "constructor", tone: "" });
});

const asked = (id, approvalId, title) => record(id, "approval.requested", { approvalId, title });
const answered = (id, approvalId, action) => record(id, "approval.resolved", { approvalId, action });

test("an incident waits until all its approvals are answered", () => {
    const course = new Course("inc_1");
    for (const one of [created, asked(2, "a", "Restart it"), asked(3, "b"), answered(4, "a", "reject")]) course.take(one);
    assert.deepEqual([course.status.name, course.waiting], ["awaiting_approval", [{ id: "b", title: "b" }]]);
    course.take(answered(5, "b", "approve"));
    assert.deepEqual([course.status.name, course.waiting], ["approved", []]);
});

test("what waits is told of events that are read later, too", () => {
    const course = new Course("inc_1");
    course.take(answered(4, "a", "reject"));
    course.recall([created, asked(2, "a", "Restart it"), asked(3, "b", "Drop the cache")]);
    assert.deepEqual([course.status.name, course.waiting.map(({ title }) => title)], ["awaiting_approval", ["Drop the cache"]]);
});

test("late events of an investigation do not open an incident again, its own events do", () => {
    const course = new Course("inc_1");
    for (const one of [created, asked(2, "a"), resolved, record(4, "investigation.progress"), answered(5, "a", "approve")]) course.take(one);
    assert.deepEqual([course.status.name, course.isOpen], ["resolved", false]);
    course.take(record(6, "incident.status_changed", { status: "open" }));
    assert.equal(course.isOpen, true);
});

test("what is read and not kept counts", () => {
    const course = new Course("inc_1");
    course.recall([created, asked(2, "a", "Restart it"), ...Array.from({ length: 300 }, (_, place) => record(3 + place, "load.tick"))]);
    assert.deepEqual([course.records.length, course.title, course.waiting.length], [200, "Checkout is slow", 1]);
});
