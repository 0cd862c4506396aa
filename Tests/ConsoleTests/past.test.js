import assert from "node:assert/strict";
import test from "node:test";

import { Past } from "../../deploy/console/past.js";

const evt = (number) => `evt_${String(number).padStart(26, "0")}`;
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const notification = (number, minutes) => ({ notificationId: evt(number).replace("evt", "ntf"), createdAt: ago(minutes) });
const event = (number, minutes = 1) => ({ id: evt(number), type: "incident.created", payload: {}, timestamp: ago(minutes) });

/** The end of the log. */
const nothing = { events: [], cursor: evt(99_999) };

/** A client whose answers are given, with the paths that it was asked for, but those for the end of the log. */
function client(notifications, ...documents) {
    const paths = [];
    const bodies = [notifications, ...documents];
    const answer = (path) => {
        if (path === "/v1/events?wait=0s") return nothing;
        paths.push(path);
        return bodies.shift() ?? nothing;
    };
    return { paths, fetch: async (path) => new Response(JSON.stringify(answer(path))) };
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
    const thousand = (first) => ({ events: Array.from({ length: 1000 }, (_, n) => event(first + n)), cursor: evt(first + 999) });
    const many = client({ items: [notification(5, 1)], nextCursor: "x" }, ...Array.from({ length: 20 }, (_, n) => thousand(6 + 1000 * n)));
    assert.equal((await new Past(many).recent()).length, 5000);
    assert.equal(many.paths.length, 6);
});

test("many notifications are read page by page, and the newest part of the hour first", async () => {
    const causeway = client(
        { items: [notification(50, 1), notification(40, 5)], nextCursor: "x" },
        { events: [event(41), event(51)], cursor: evt(51) },
        nothing,
        { items: [notification(30, 20), notification(20, 70)], nextCursor: "y" },
        { events: [event(19, 75), event(25), event(40), event(41)], cursor: evt(41) },
    );
    const read = await new Past(causeway).recent();
    assert.deepEqual(read.map(({ id }) => id), [evt(25), evt(40), evt(41), evt(51)]);
    assert.match(causeway.paths[1], new RegExp(`last_event_id=${evt(40)}&`));
    assert.match(causeway.paths[3], /limit=200&cursor=x$/);
    assert.match(causeway.paths[4], new RegExp(`last_event_id=${evt(20)}&`));
    assert.equal(causeway.paths.length, 5);
});

test("a document without events is not the end of the log, and the next one is given more time", async () => {
    const causeway = client({ items: [], nextCursor: null }, { events: [], cursor: evt(40) }, { events: [event(50)], cursor: evt(50) });
    const { events, isComplete } = await new Past(causeway).search(Date.now() - 60_000 * 5);
    assert.deepEqual([events.map(({ id }) => id), isComplete], [[evt(50)], true]);
    const waits = causeway.paths.slice(1).map((path) => /wait=(\w+)/.exec(path)[1]);
    assert.deepEqual(waits, ["0s", "2s", "0s"]);
    assert.match(causeway.paths[2], new RegExp(`last_event_id=${evt(40)}&`));
});

test("a refusal has the service's message", async () => {
    const causeway = { fetch: async () => new Response('{"error":"forbidden","message":"Not for you."}', { status: 403 }) };
    await assert.rejects(new Past(causeway).recent(), /Not for you\./);
    await assert.rejects(new Past({ fetch: () => Promise.reject(new TypeError("x")) }).recent(), /The service did not answer\./);
});

test("reports of incidents are read from the notification before the oldest one on", async () => {
    const report = (number, incidentId) => ({ ...notification(number, number), incidentId });
    const items = [report(40, "inc_4"), report(30, "inc_3"), report(20, "inc_2"), report(10, "inc_1")];
    const told = (number, incidentId) => ({ ...event(number), payload: { incidentId } });
    const causeway = client({ items, nextCursor: null }, { events: [told(30, "inc_3"), told(40, "inc_4")], cursor: evt(40) });
    const read = await new Past(causeway).reports(["inc_3", "inc_9"]);
    assert.deepEqual(read.map(({ id }) => id), [evt(30)]);
    assert.match(causeway.paths[0], /\?type=incident.created&limit=200$/);
    assert.match(causeway.paths[1], new RegExp(`last_event_id=${evt(20)}&.*types=incident.created$`));
    const unnamed = client({ items, nextCursor: null });
    assert.deepEqual(await new Past(unnamed).reports(["inc_9"]), []);
    assert.equal(unnamed.paths.length, 1, "what is not named is not looked for");
    const first = client({ items, nextCursor: null });
    await new Past(first).reports(["inc_1"]);
    assert.match(first.paths[1], /last_event_id=&/);
});
