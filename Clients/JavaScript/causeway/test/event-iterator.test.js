import assert from "node:assert/strict";
import test from "node:test";

import { EventIterator } from "../src/core/event-iterator.js";

async function collect(iterator) {
    const events = [];
    for await (const event of iterator) events.push(event);
    return events;
}

test("events are buffered, and the loop ends with the stream", async () => {
    for (const reason of ["closed", "completed"]) {
        const iterator = new EventIterator(assert.fail);
        iterator.push(1);
        iterator.push(2);
        iterator.end(reason);
        iterator.push(3);
        assert.deepEqual(await collect(iterator), [1, 2]);
    }
});

test("those who wait get events in the order of their calls", async () => {
    const iterator = new EventIterator(assert.fail);
    const waiting = [iterator.next(), iterator.next(), iterator.next()];
    iterator.push("a");
    iterator.push("b");
    iterator.end("closed");
    assert.deepEqual(await Promise.all(waiting), [
        { value: "a", done: false }, { value: "b", done: false }, { value: undefined, done: true },
    ]);
});

test("any other reason is an error, after the events before it", async () => {
    const iterator = new EventIterator(assert.fail);
    iterator.push(1);
    iterator.end("unauthorized");
    assert.deepEqual(await iterator.next(), { value: 1, done: false });
    await assert.rejects(iterator.next(), { code: "unauthorized", message: "the stream has ended: unauthorized" });
});

test("one who waits gets the error, too", async () => {
    const iterator = new EventIterator(assert.fail);
    const waiting = iterator.next();
    iterator.end("forbidden");
    await assert.rejects(waiting, { code: "forbidden" });
});

test("the first reason counts", async () => {
    const iterator = new EventIterator(assert.fail);
    iterator.end("completed");
    iterator.end("unauthorized");
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
});

test("leaving the loop closes the stream", async () => {
    let left = 0;
    const iterator = new EventIterator(() => { left += 1; });
    iterator.push(1);
    iterator.push(2);
    for await (const event of iterator) {
        assert.equal(event, 1);
        break;
    }
    assert.equal(left, 1);
});

test("a reader that takes no events fails when the buffer is full, and the stream is closed", async () => {
    let left = 0;
    const iterator = new EventIterator(() => { left += 1; });
    for (let n = 0; n <= 10_000; n++) iterator.push(n);
    assert.equal(left, 1);
    // As the stream does when it is closed.
    iterator.end("closed");
    for (let n = 0; n < 10_000; n++) assert.equal((await iterator.next()).value, n);
    await assert.rejects(iterator.next(), { code: "slow_reader" });
});
