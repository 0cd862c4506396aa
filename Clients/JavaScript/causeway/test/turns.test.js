import assert from "node:assert/strict";
import test from "node:test";

import { Turns } from "../src/core/turns.js";
import { nextTask } from "../src/io/clock.js";

test("a loop goes on in a further task after 8 ms", async () => {
    let now = 0;
    const pauses = [];
    const turns = new Turns(
        () => now,
        async () => void pauses.push(now),
    );
    for (let number = 0; number < 20; number += 1) {
        now += 1;
        await turns.pause();
    }
    assert.deepEqual(pauses, [8, 16]);
});

test("the time in the other tasks does not count", async () => {
    let now = 0;
    let pauses = 0;
    const turns = new Turns(
        () => now,
        async () => {
            pauses += 1;
            now += 100;
        },
    );
    now = 8;
    await turns.pause();
    now += 7;
    await turns.pause();
    assert.equal(pauses, 1);
});

test("a further task is not a microtask", async () => {
    const order = [];
    const further = nextTask().then(() => order.push("further task"));
    for (let number = 0; number < 10; number += 1) await Promise.resolve();
    order.push("microtasks");
    await further;
    assert.deepEqual(order, ["microtasks", "further task"]);
});
