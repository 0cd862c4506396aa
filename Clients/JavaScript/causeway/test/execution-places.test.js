import assert from "node:assert/strict";
import test from "node:test";

import { compareExecutionPlaces, executionPlace, idOfPlace, runOfHeader, runOfPlace } from "../src/core/execution-places.js";

test("a place has the id, and the execution if it is known", () => {
    assert.equal(executionPlace("5", "run 1"), "5 run 1");
    assert.equal(executionPlace("5", undefined), "5");
    const withRun = [["5 run 1", "5", "run 1"], ["5 a\nb", "5", "a\nb"]];
    const withoutRun = [["5", "5"], ["", ""], [undefined, ""]];
    for (const [place, id, run] of [...withRun, ...withoutRun]) {
        assert.equal(idOfPlace(place), id);
        assert.equal(runOfPlace(place), run);
    }
});

test("places are ordered by number within an execution", () => {
    assert.ok(compareExecutionPlaces("9 a", "10 a") < 0);
    assert.ok(compareExecutionPlaces("10", "9 a") > 0);
    assert.equal(compareExecutionPlaces("9", "9 a"), 0);
    assert.ok(compareExecutionPlaces("", "1 a") < 0, "the beginning is before the first event");
});

test("places of two executions cannot be compared", () => {
    assert.ok(Number.isNaN(compareExecutionPlaces("1 a", "2 b")));
});

test("the header with the execution is percent-encoded", () => {
    assert.equal(runOfHeader("run%201"), "run 1");
    assert.equal(runOfHeader(null), undefined);
});
