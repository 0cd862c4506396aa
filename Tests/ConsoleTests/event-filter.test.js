import assert from "node:assert/strict";
import test from "node:test";

import { storedTexts, unknownAudience } from "../../deploy/console/events/audience.js";
import { conditions, filterOf, isOpen, passes, usersOf } from "../../deploy/console/events/filter.js";
import { absenceOf } from "../../deploy/console/events/search.js";
import { reasonOf, whereToRun, whyCommand } from "../../deploy/console/events/why.js";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const record = {
    id: "evt_1",
    type: "approval.resolved",
    payload: { incidentId: "inc_7", decidedBy: "Ann", recipients: ["bob"], reason: "Load is low" },
    at: NOW - 10 * 60_000,
};
const lets = (fields) => passes(record, filterOf(fields, NOW));

test("each condition that is set must hold", () => {
    assert.ok(lets({}) && isOpen(filterOf({})));
    assert.ok(lets({ text: "LOW evt_1 resolved", type: "approval.", incident: "INC_7", user: "ann", period: "15" }));
    for (const fields of [{ text: "low nothing" }, { type: "incident." }, { incident: "inc_8" }, { user: "eve" }, { period: "5" }]) {
        assert.equal(lets(fields), false, JSON.stringify(fields));
        assert.equal(isOpen(filterOf(fields)), false);
    }
    assert.equal(conditions(filterOf({ text: "x", type: "a", period: "5" })), 2);
});

test("a range may have one end", () => {
    const range = (since, until) => lets({ period: "range", since, until });
    assert.ok(range("", "") && range("2026-11-28T11:00:00Z", "") && range("", "2026-11-28T12:00:00Z"));
    assert.ok(!range("2026-11-28T11:55:00Z", "") && !range("", "2026-11-28T11:45:00Z"));
    // The fields of a range that is not chosen do not count.
    assert.ok(lets({ since: "2026-11-28T11:55:00Z" }));
});

test("payloads are of any form", () => {
    assert.deepEqual(usersOf(record.payload), ["Ann", "bob"]);
    for (const payload of [undefined, null, "text", 3, [], { user: { name: "ann" } }]) {
        assert.deepEqual(usersOf(payload), []);
        assert.equal(passes({ ...record, payload }, filterOf({ incident: "inc" })), false);
        assert.ok(passes({ ...record, payload }, filterOf({ text: "evt_1" })));
    }
});

test("the command is safe to paste", () => {
    assert.equal(whyCommand("evt_1", { user: "ann", tenant: "acme" }), "causeway why --event evt_1 --user ann --tenant acme");
    assert.match(whereToRun("https://a.example"), /CAUSEWAY_URL=https:\/\/a\.example and an admin's token in CAUSEWAY_TOKEN/);
    assert.equal(whyCommand("evt_1", { user: "", tenant: "acme" }), "causeway why --event evt_1 --user '<user>' --tenant acme");
    assert.equal(whyCommand("evt_1", { user: "it's $(me)", tenant: "-x" }), `causeway why --event evt_1 --user 'it'\\''s $(me)' --tenant '-x'`);
});

test("who could see an event is said only if it is known", () => {
    assert.match(storedTexts({ tenant: "acme" }).seen, /^Everyone of acme/);
    assert.match(storedTexts({ tenant: "acme", recipients: ["ann", "bob"] }).seen, /^ann, bob alone/);
    assert.deepEqual(storedTexts({ tenant: "acme", eventId: "e-1", receivedAt: "never" }).facts, [["Producer's id", "e-1"]]);
    for (const status of [400, 403, 404, 410, 429, 500, undefined]) assert.match(unknownAudience(status), /^Not known: /);
});

test("a filter that finds nothing says where it has looked", () => {
    assert.match(absenceOf(NaN, undefined), /Read the log/);
    assert.match(absenceOf(NOW - 2, NOW - 1), /Read the log/, "not from this time on");
    assert.match(absenceOf(NaN, NaN), /last hour.*for other people/);
    for (const since of [NOW - 1, NOW]) assert.match(absenceOf(since, NOW - 1), /No event in the log.*for other people/);
});

test("who is no recipient of an addressed event did not get it for that reason", () => {
    assert.match(reasonOf({ recipients: ["bob"] }, "ann"), /addressed to bob alone: ann does not get it/);
    for (const stored of [{}, { recipients: [] }, { recipients: ["ann", "bob"] }]) assert.equal(reasonOf(stored, "ann"), "");
    assert.equal(reasonOf({ recipients: ["bob"] }, ""), "");
});
