import assert from "node:assert/strict";
import test from "node:test";

import { commandOf, SINGLE, stepped } from "../../deploy/console/keyboard/commands.js";
import { matching, named } from "../../deploy/console/keyboard/matches.js";

const free = { isTyping: false, isModal: false, isOn: true };
const press = (key, more = {}, where = {}) => commandOf({ key, ...more }, { ...free, ...where });

test("a single key has a meaning unless somebody types, a dialog is open, or keys are off", () => {
    for (const { key, command } of SINGLE) {
        assert.equal(press(key), command);
        for (const where of [{ isTyping: true }, { isModal: true }, { isOn: false }]) assert.equal(press(key, {}, where), undefined, key);
        for (const modifier of ["altKey", "isComposing"]) assert.equal(press(key, { [modifier]: true }), undefined, key);
        if (key !== "k") assert.equal(press(key, { ctrlKey: true }), undefined, key);
    }
    assert.equal(press("?", { shiftKey: true }), "help");
    assert.equal(press("A"), undefined);
    assert.deepEqual([press("j", { repeat: true }), press("a", { repeat: true })], ["next", undefined]);
});

test("the palette opens everywhere but above a dialog", () => {
    for (const modifier of ["ctrlKey", "metaKey"]) {
        assert.equal(press("k", { [modifier]: true }, { isTyping: true, isOn: false }), "palette");
        assert.equal(press("K", { [modifier]: true }), "palette");
        assert.equal(press("k", { [modifier]: true }, { isModal: true }), undefined);
        assert.equal(press("k", { [modifier]: true, shiftKey: true }), undefined);
    }
});

test("a step stays in the list", () => {
    assert.deepEqual([stepped(0, -1, 1), stepped(3, -1, 1), stepped(3, -1, -1)], [-1, 0, 2]);
    assert.deepEqual([stepped(3, 0, -1), stepped(3, 0, 1), stepped(3, 2, 1)], [0, 1, 2]);
});

test("what fits best is first, and equal ones keep their order", () => {
    const entries = [
        { title: "Overview", hint: "Section" },
        { title: "Incidents", hint: "Section" },
        { title: "Checkout is slow", hint: "Incident · open" },
        { title: "Slow queries", hint: "Incident · resolved" },
    ];
    const titles = (query, most = 9) => matching(entries, query, most).map(({ title }) => title);
    assert.deepEqual(titles(""), entries.map(({ title }) => title));
    assert.deepEqual(titles("slow"), ["Slow queries", "Checkout is slow"]);
    assert.deepEqual(titles("INC"), ["Incidents", "Checkout is slow", "Slow queries"]);
    assert.deepEqual(titles("slow open"), ["Checkout is slow"]);
    assert.deepEqual([titles("zzz"), titles("", 1)], [[], ["Overview"]]);
});

test("an id names a thing that the page need not have seen", () => {
    assert.deepEqual(named(" evt_01HX9VTPQR3KF8MZWBYD5N6JCE "), { section: "events", id: "evt_01HX9VTPQR3KF8MZWBYD5N6JCE", kind: "event" });
    assert.equal(named("inc_7").section, "incidents");
    assert.equal(named("app_a/b").section, "approvals");
    for (const text of ["", "evt_1", "inc_", "inc_7 slow", "checkout"]) assert.equal(named(text), undefined, text);
});
