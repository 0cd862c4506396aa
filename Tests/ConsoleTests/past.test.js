import assert from "node:assert/strict";
import test from "node:test";

import { Past } from "../../deploy/console/past.js";

const evt = (number) => `evt_${String(number).padStart(26, "0")}`;
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const notification = (number, minutes) => ({ notificationId: evt(number).replace("evt", "ntf"), createdAt: ago(minutes) });
const event = (number, minutes = 1) => ({ id: evt(number), type: "incident.created", payload: {}, timestamp: ago(minutes) });

/** A client whose answers are given, with the paths that it was asked for. */
function client(notifications, ...documents) {
    const paths = [];
    const bodies = [notifications, ...documents];
    return { paths, fetch: async (path) => (paths.push(path), new Response(JSON.stringify(bodies.shift() ?? { events: [], cursor: evt(99) }))) };
}

test("the last hour begins behind the last notification before it", async () => {
    const causeway = client(
        { items: [notification(30, 1), notification(20, 70), notification(10, 90)], nextCursor: null },
        { events: [event(25, 65), event(26, 10)], cursor: evt(26) },
        { events: [event(31)], cursor: evt(31) },
    );
    const read = await new Past(causeway).recent();
    assert.deepEqual(read.map(({ id }) => id), [evt(26), evt(31)]);
    assert.match(causeway.paths[1], new RegExp(`last_event_id=${evt(20)}&.*types=incident`));
    assert.match(causeway.paths[2], new RegExp(`last_event_id=${evt(26)}&`));
});

test("it begins with the log if nothing is older, and has an end if there is more and more", async () => {
    const few = client({ items: [], nextCursor: null });
    await new Past(few).recent();
    assert.match(few.paths[1], /last_event_id=&/);
    const many = client({ items: [notification(5, 1)], nextCursor: "x" }, ...Array.from({ length: 20 }, (_, n) => ({ events: [event(n)], cursor: evt(n) })));
    assert.equal((await new Past(many).recent()).length, 5);
});

test("one event is found, and one that is not there is not looked for without end", async () => {
    const notifications = { items: [notification(30, 1), notification(20, 5)], nextCursor: null };
    const there = client(notifications, { events: [event(21), event(22)], cursor: evt(22) });
    assert.equal((await new Past(there).find(evt(22))).id, evt(22));
    assert.match(there.paths[1], new RegExp(`last_event_id=${evt(20)}&wait=0s`));
    const absent = client(notifications, { events: [event(24)], cursor: evt(24) });
    assert.equal(await new Past(absent).find(evt(23)), undefined);
    assert.equal(absent.paths.length, 2);
});

test("a refusal has the service's message", async () => {
    const causeway = { fetch: async () => new Response('{"error":"forbidden","message":"Not for you."}', { status: 403 }) };
    await assert.rejects(new Past(causeway).recent(), /Not for you\./);
    await assert.rejects(new Past({ fetch: () => Promise.reject(new TypeError("x")) }).recent(), /The service did not answer\./);
});
