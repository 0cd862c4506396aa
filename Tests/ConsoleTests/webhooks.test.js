import assert from "node:assert/strict";
import test from "node:test";

import { WebhookService } from "../../deploy/console/webhooks/service.js";
import { beginning, changes, health, outcome, settingsOf, tested, waiting } from "../../deploy/console/webhooks/texts.js";

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
    assert.equal(tested({ delivered: true, attempt: { status: 200, durationMs: 12 } }), "✓ The test event was delivered: 200 after 12 ms.");
    assert.equal(
        tested({ delivered: false, attempt: { error: "unresolvable", message: "the host's name could not be resolved", durationMs: 3 } }),
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

test("what waits is counted if the service says it", () => {
    assert.deepEqual([waiting({}), waiting({ backlog: 0 }), waiting({ backlog: 1 }), waiting({ backlog: 12 })], ["", "No events wait", "1 event waits", "12 events wait"]);
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
