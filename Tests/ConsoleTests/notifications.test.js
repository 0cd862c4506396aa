import assert from "node:assert/strict";
import test from "node:test";

import { relative } from "../../deploy/console/format.js";
import { severityOf } from "../../deploy/console/incidents/severity.js";
import { grouped, titleIn } from "../../deploy/console/notifications/groups.js";
import { plain, statusWords } from "../../deploy/console/words.js";

const item = (number, incidentId, read = false, title = "") => ({ notificationId: `ntf_${number}`, incidentId, read, title });

test("notifications of an incident stand together, the newest group first", () => {
    const groups = grouped([item(5, "inc_2"), item(4), item(3, "inc_1", true), item(2, "inc_2", true, "New incident: Checkout is slow"), item(1)]);
    assert.deepEqual(groups.map(({ items }) => items.map(({ notificationId }) => notificationId)), [["ntf_5", "ntf_2"], ["ntf_4"], ["ntf_3"], ["ntf_1"]]);
    assert.deepEqual(groups.map(({ unread }) => unread), [1, 1, 0, 1]);
    assert.deepEqual([titleIn(groups[0]), titleIn(groups[1])], ["Checkout is slow", undefined]);
});

test("identifiers of states become words, and other identifiers stay", () => {
    assert.equal(plain("Incident is now awaiting_approval"), "Incident is now awaiting approval");
    assert.equal(plain("Incident inc_in_progress went from in_progress to false_positive."), "Incident inc_in_progress went from in progress to false positive.");
    assert.equal(plain("Approval answered: approve"), "Approval approved");
    assert.equal(plain("Approval answered: approve everything"), "Approval answered: approve everything");
    assert.equal(plain("Approval app_1 was answered with reject by ann."), "Approval app_1 was rejected by ann.");
    assert.equal(plain("Approval app_1 was answered with expire."), "Approval app_1 expired without a decision.");
    assert.doesNotMatch(plain("waits for an answer until 2026-11-28T12:00:00Z, asked for by olga."), /T12:00:00Z/);
    assert.match(plain("until 2026-99-28T12:00:00Z"), /2026-99-28T12:00:00Z/);
    assert.equal(plain(undefined), undefined);
    assert.deepEqual(["rolled_back", "some_thing", "constructor"].map(statusWords), ["rolled back", "some thing", "constructor"]);
});

test("a severity has one of four symbols or none", () => {
    assert.deepEqual(severityOf("High"), { name: "high", text: "High" });
    assert.equal(severityOf("SEV1").name, "critical");
    assert.deepEqual(severityOf("constructor"), { name: "", text: "constructor" });
    assert.deepEqual(severityOf(undefined), { name: "", text: "" });
});

test("how long ago something was", () => {
    const now = Date.parse("2026-11-28T12:00:00Z");
    const minutes = (number) => relative(now - number * 60_000, now);
    assert.deepEqual([minutes(0), minutes(0.7), minutes(1), minutes(59), minutes(90), minutes(-5)], ["just now", "just now", "1 min ago", "59 min ago", "2 h ago", "in 5 min"]);
    assert.match(minutes(24 * 60), /2026/);
    assert.equal(relative(NaN), "–");
});
