import assert from "node:assert/strict";
import test from "node:test";

import { WebhookService } from "../../deploy/console/webhooks/service.js";
import {
    attempted, beginning, changes, health, outcome, replayed, replayQuestion, sentAgain, settingsOf, takes, timeOf,
} from "../../deploy/console/webhooks/texts.js";

const form = { url: " https://a.example/x ", types: "incident.*, approval.requested\n job.*", description: "", user: " ", ordered: true };

test("a state says what it means and what follows", () => {
    const since = "2026-11-28T10:00:00Z";
    assert.match(health({ name: "pending", failures: 0, since }).detail, /on its way/);
    assert.match(health({ name: "pending", failures: 1, since, retryAt: since }).detail, /1 test request failed since .*The next one is due at/);
    assert.deepEqual([health({ name: "enabled" }).tone, health({ name: "enabled" }).detail], ["good", "It takes events."]);
    assert.match(health({ name: "failing", failures: 3, since, retryAt: since }).detail, /^3 attempts in a row failed since .*Events wait\.$/);
    assert.match(health({ name: "disabled", reason: "gone", since }).detail, /410 Gone/);
    assert.match(health({ name: "disabled", reason: "other" }).detail, /^It gets nothing: other\./);
    assert.deepEqual(health({ name: "constructor" }), { name: "constructor", tone: "", detail: "" });
    const tones = ["pending", "enabled", "failing", "disabled"].map((name) => health({ name }).tone);
    assert.equal(new Set(tones).size, 4);
});

test("an attempt is told by symbol and word", () => {
    assert.deepEqual(outcome({ status: 204 }), { text: "✓ 204", tone: "good" });
    for (const status of [199, 301, 410, 503]) assert.deepEqual(outcome({ status }), { text: `✕ ${status}`, tone: "bad" });
    assert.equal(outcome({ error: "timed_out" }).text, "✕ timed out");
    assert.equal(outcome({ error: "some_thing" }).text, "✕ some thing");
    assert.equal(outcome({}).text, "✕ failed");
    const test = (result) => attempted(result, "The test event");
    assert.equal(test({ delivered: true, attempt: { status: 200, durationMs: 12 } }), "✓ The test event was delivered: 200 after 12 ms.");
    assert.equal(sentAgain({ delivered: true, attempt: { id: "evt_1", status: 200, durationMs: 12 } }), "✓ Event evt_1 was delivered again: 200 after 12 ms.");
    assert.equal(sentAgain({ delivered: false, attempt: { id: "evt_1", status: 500, durationMs: 12 } }), "✕ Event evt_1 was not delivered again: 500 after 12 ms.");
    assert.equal(
        test({ delivered: false, attempt: { error: "unresolvable", message: "the host's name could not be resolved", durationMs: 3 } }),
        "✕ The test event was not delivered: name has no usable address after 3 ms. The host's name could not be resolved.",
    );
});

test("a form becomes settings, and an edit what has changed", () => {
    const settings = settingsOf(form);
    assert.deepEqual(settings, { url: "https://a.example/x", types: ["incident.*", "approval.requested", "job.*"], ordered: true });
    assert.deepEqual(changes({ ...settings, id: "whk_1" }, settings), {});
    const before = { ...settings, description: "Chat", user: "ann", types: ["incident.*"] };
    assert.deepEqual(changes(before, { ...settings, ordered: false }), { types: settings.types, ordered: false, description: null, user: null });
});

test("a replay begins with an event or a time", () => {
    assert.deepEqual(beginning({ by: "from", event: " evt_1 ", time: "" }), { from: "evt_1" });
    assert.equal(beginning({ by: "since", event: "", time: "2026-11-28T10:00:00" }).since, new Date("2026-11-28T10:00:00").toISOString());
    assert.throws(() => beginning({ by: "from", event: " ", time: "" }), /id of the event/);
    assert.throws(() => beginning({ by: "since", event: "", time: "" }), /date and a time/);
});

// The places of 1, 2 and 3 s after the beginning of 1970.
const places = [1000, 2000, 3000].map((time, place) => {
    const digits = Array.from({ length: 10 }, (_, n) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Math.floor(time / 32 ** (9 - n)) % 32]).join("");
    return `evt_${digits}${String(place).padStart(16, "0")}`;
});

test("a place has a time", () => {
    assert.deepEqual(places.map(timeOf), [1000, 2000, 3000]);
    for (const other of ["evt_1", "", undefined]) assert.ok(Number.isNaN(timeOf(other)));
});

test("a replay says before what it sends", () => {
    const [from, , to] = places;
    const endpoint = { url: "https://a.example", description: "Chat", state: { name: "enabled" } };
    const text = (preview, more = {}) => replayQuestion({ from, to, events: 12, more: false, ...preview }, { ...endpoint, ...more });
    assert.match(text({}), /^Chat gets 12 events again, stored from .+ to .+, each with the same webhook-id, and then goes on with new ones\.$/);
    assert.match(text({ events: 1000, more: true }), /^Chat gets more than 1000 events again/);
    assert.match(text({ events: 0, more: true }), /an unknown number of events/);
    assert.throws(() => text({ events: 0 }, { description: undefined }), /There is nothing to send again: https:\/\/a\.example gets no event stored from/);
    assert.match(text({}, { state: { name: "disabled" } }), /It is disabled: they are sent when it is enabled\.$/);
});

test("a replay tells how far it is, and that it has ended", () => {
    const [from, cursor, to] = places;
    const endpoint = { cursor, replay: { from, to, requestedAt: "2026-11-28T10:00:00Z" }, state: { name: "enabled" } };
    assert.equal(replayed({ ...endpoint, replay: undefined }), undefined);
    assert.match(replayed(endpoint).text, /^Replaying since .+: delivered up to .+ of .+\.$/);
    assert.match(replayed({ ...endpoint, state: { name: "failing" } }).text, /It is failing: they are sent when it answers again\.$/);
    assert.deepEqual([replayed(endpoint).isUnderWay, replayed({ ...endpoint, cursor: to }).isUnderWay], [true, false]);
    assert.match(replayed({ ...endpoint, cursor: to }).text, /^✓ Replay ended: the events from .+ to .+ were sent again\.$/);
    assert.equal(replayed({ ...endpoint, cursor: "evt_00000000001ZZ0000000000000" }), undefined, "another log");
});

test("an endpoint gets the types that it names", () => {
    const gets = (type) => takes({ types: ["incident.*", "a.b"] }, type);
    assert.deepEqual(["incident.created", "a.b", "incident", "a.b.c", "incidents.x"].map(gets), [true, true, false, false, false]);
});

test("all pages of the list are read, and an answer without content is none", async () => {
    const paths = [];
    const pages = [{ items: [{ id: "a" }], nextCursor: "a" }, { items: [{ id: "b" }], nextCursor: null }];
    const service = new WebhookService({
        fetch: async (path, { method }) => (paths.push(`${method} ${path}`), method === "DELETE" ? new Response(null, { status: 204 }) : new Response(JSON.stringify(pages.shift()))),
    });
    assert.deepEqual(await service.list(), [{ id: "a" }, { id: "b" }]);
    assert.equal(await service.remove("whk/1"), undefined);
    assert.deepEqual(paths, ["GET /v1/webhooks?limit=200", "GET /v1/webhooks?limit=200&cursor=a", "DELETE /v1/webhooks/whk%2F1"]);
});
