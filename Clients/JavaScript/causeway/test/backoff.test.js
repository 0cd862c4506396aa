import assert from "node:assert/strict";
import test from "node:test";

import { backoffDelay, DEFAULT_BACKOFF } from "../src/core/backoff.js";

const ATTEMPTS = [0, 1, 5, 6, 7, 5_000];
const LONGEST = [500, 1_000, 16_000, 30_000, 30_000, 30_000];

test("a wait grows by the factor up to the longest", () => {
    assert.deepEqual(ATTEMPTS.map((attempt) => backoffDelay(attempt, DEFAULT_BACKOFF, () => 0)), LONGEST);
});

test("the jitter shortens a wait, by its own part at most", () => {
    assert.deepEqual(ATTEMPTS.map((attempt) => backoffDelay(attempt, DEFAULT_BACKOFF, () => 1)), LONGEST.map((delay) => delay / 2));
    assert.equal(backoffDelay(3, { ...DEFAULT_BACKOFF, jitter: 0 }, () => 1), 4_000);
});

test("a wait is a whole number of milliseconds within its bounds", () => {
    for (let attempt = 0; attempt < 100; attempt++) {
        const delay = backoffDelay(attempt, DEFAULT_BACKOFF);
        assert.ok(Number.isInteger(delay) && delay >= 250 && delay <= 30_000, `${delay} ms after ${attempt}`);
    }
});
