import assert from "node:assert/strict";
import test from "node:test";

import { compareCursors, isCursor, NO_CURSOR } from "../src/core/cursors.js";

const EARLY = "evt_01M7YZSJBYPCZ0000000000002";
const LATE = "evt_01M7YZSHDCPCZ000000000000A";
/** Of another log: the sixteen bits before the last sixty-four differ. */
const FOREIGN = "evt_01M7YZSHDCQCZ000000000000A";

test("only an event's id is a cursor", () => {
    for (const text of [EARLY, LATE, FOREIGN]) assert.ok(isCursor(text), text);
    const malformed = [EARLY.toLowerCase(), EARLY.slice(0, -1), `${EARLY}0`, EARLY.replace("M", "I"), `${EARLY}\n`];
    for (const text of ["", NO_CURSOR, ...malformed, 7, null, undefined]) {
        assert.ok(!isCursor(text), String(text));
    }
});

test("cursors of one log are ordered by their last 64 bits, whatever their time", () => {
    assert.equal(compareCursors(EARLY, LATE), -1);
    assert.equal(compareCursors(LATE, EARLY), 1);
    assert.equal(compareCursors(LATE, LATE), 0);
    assert.deepEqual([LATE, EARLY].sort(compareCursors), [EARLY, LATE]);
});

test("the top bit of the 64 belongs to the position, the bit above it to the log", () => {
    const withDigit = (digit) => `evt_01M7YZSHDCPCZ${digit}00000000000A`;
    assert.equal(compareCursors(withDigit("0"), withDigit("F")), -1);
    assert.ok(Number.isNaN(compareCursors(withDigit("0"), withDigit("G"))));
});

test("cursors of two logs, and what is no cursor, cannot be compared", () => {
    for (const [one, other] of [[EARLY, FOREIGN], ["", EARLY], [EARLY, "7"], [undefined, EARLY], [EARLY, undefined]]) {
        assert.ok(Number.isNaN(compareCursors(one, other)), `${one} ${other}`);
    }
    assert.equal(compareCursors("", ""), 0);
});
