import assert from "node:assert/strict";
import test from "node:test";

import { brief, clock, exact } from "../../deploy/console/format.js";

test("a time of today has no date, and others have one", () => {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const beforeMidnight = new Date(midnight).setHours(23, 59, 59, 999);
    for (const time of [midnight, beforeMidnight]) assert.equal(brief(time), clock(time));
    for (const time of [midnight - 1, beforeMidnight + 1]) assert.equal(brief(time), exact(time));
    assert.equal(brief(NaN), "–");
});
