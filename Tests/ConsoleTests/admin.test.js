import assert from "node:assert/strict";
import test from "node:test";

import { connectionTexts, logBars, relayFacts, shareBars, silenceText, webhooksText } from "../../deploy/console/admin/deployment.js";
import { eventBody } from "../../deploy/console/admin/event-draft.js";
import { inspect } from "../../deploy/console/admin/token.js";

const NOW = Date.UTC(2026, 10, 29);
const SECONDS = NOW / 1000;
const good = { sub: "ann", tenant_id: "acme", roles: ["member"], exp: SECONDS + 3600, iat: SECONDS - 60 };

const encoded = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const token = (claims, header = { alg: "HS256" }, signature = "c2ln") => `${encoded(header)}.${encoded(claims)}.${signature}`;
const inspected = (claims, ...rest) => inspect(token({ ...good, ...claims }, ...rest), NOW);

test("a token says who it is for, and what its roles open", () => {
    const { problems, facts, opens } = inspected({ sub: "ümläut", roles: ["member", "oncall"], aud: ["a", "b"] }, { alg: "ES256", kid: "k1" });
    assert.deepEqual(problems, []);
    const of = Object.fromEntries(facts);
    assert.deepEqual(
        [of.User, of["Tenant (tenant_id)"], of.Roles, of["Roles for groups of approvers"], of.Audience, of["Key (kid)"], of.Life],
        ["ümläut", "acme", "member", "oncall", "a, b", "k1", "61 min"],
    );
    assert.match(of.Expires, /in 1 h\)$/);
    const opened = (roles) => inspected({ roles }).opens.filter(({ isOpen }) => isOpen).map(({ what }) => what);
    assert.deepEqual(opened("admin"), ["Workspace stream, execution streams, tickets"]);
    assert.equal(opened(["admin"]).length, 8);
    assert.deepEqual(opened(["producer"]).slice(1), ["Publish events of its tenant", "Publish events of any tenant"]);
    assert.deepEqual(opened(["issuer"]).slice(1), ["Revoke tokens of its tenant", "Revoke tokens of any tenant"]);
    assert.equal(opens.find(({ what }) => what === "Manage webhooks").needs, "needs admin");
});

test("every reason for which services refuse a token is told", () => {
    const refused = {
        "names no user": [{ sub: undefined }],
        "names no tenant": [{ tenant_id: undefined }],
        "exp is missing": [{ exp: undefined }],
        "expired 2 h ago": [{ exp: SECONDS - 7200 }],
        "expired just now": [{ exp: SECONDS }],
        "not valid yet": [{ nbf: SECONDS + 31 }],
        "issued in the future": [{ iat: SECONDS + 31 }],
        "algorithm is none": [{}, { alg: "none" }],
        "algorithm is missing": [{}, {}],
        "has crit": [{}, { alg: "HS256", crit: [] }],
        "security event": [{}, { alg: "HS256", typ: "secevent+jwt" }],
        "no signature": [{}, { alg: "HS256" }, ""],
        "16 KiB": [{ x: "x".repeat(16_384) }],
    };
    for (const [text, change] of Object.entries(refused)) {
        const { problems } = inspected(...change);
        assert.equal(problems.length, 1, text);
        assert.match(problems[0], new RegExp(text));
    }
    assert.deepEqual(inspected({ nbf: SECONDS + 30, tenant_id: undefined, org_id: "acme" }).problems, []);
});

test("what is no token is refused without a part of it", () => {
    const secret = "c2VjcmV0";
    for (const text of ["", secret, `${secret}.${secret}.${secret}`, `${encoded("[]")}.${encoded(good)}.x`, token("{"), `${token(good)}.x`, `a.b.${secret}`]) {
        assert.throws(() => inspect(text, NOW), ({ message }) => message.startsWith("This is not a token:") && !message.includes(secret));
    }
    assert.deepEqual(inspect(`  Bearer ${token(good)}\n`, NOW).claims, good);
});

test("a form becomes the body of one event, with the payload as it was typed", () => {
    const body = (fields) => eventBody({ type: " test.event ", user: " ", payload: ' {"n": 1.0} ', ...fields });
    assert.equal(body({}), '{"type":"test.event","payload":{"n": 1.0}}');
    assert.equal(body({ user: 'a"b' }), '{"type":"test.event","user":"a\\"b","payload":{"n": 1.0}}');
    for (const type of ["", "test", "Test.event", "test..event", "test.event."]) {
        assert.throws(() => body({ type }), ({ field, message }) => field === "type" && message.startsWith("Type: "));
    }
    for (const payload of ["", "{", '{"a":1},"tenant":"x"', "[]", "null", '"text"']) {
        assert.throws(() => body({ payload }), ({ field, message }) => field === "payload" && message.startsWith("Payload: "));
    }
});

test("the deployment is told in words", () => {
    const facts = relayFacts({ status: "healthy", activeConnections: 142, region: "local", version: "0.1.0" });
    assert.deepEqual(facts.map(([, value]) => value), ["142, of all tenants and all its processes", "healthy", "local", "0.1.0"]);
    const endpoint = (name) => ({ state: { name } });
    assert.deepEqual([webhooksText([]), webhooksText([endpoint("enabled")])], ["None", "1 webhook: 1 enabled"]);
    assert.equal(webhooksText(["enabled", "failing", "enabled"].map(endpoint)), "3 webhooks: 2 enabled, 1 failing");
});

test("a process that did not answer is named, and so is the time in which some may be missing", () => {
    assert.equal(silenceText({ complete: true, silent: [] }), "");
    assert.match(silenceText({ complete: false, silent: [] }), /some may be missing/);
    const lost = { program: "sse-edge", instance: "01K0ABCDEF", lastHeard: new Date(NOW - 300_000).toISOString() };
    assert.equal(silenceText({ complete: false, silent: [lost] }, NOW), "Without sse-edge …ABCDEF (last heard 5 min ago): no answer.");
});

test("a connection is told in words, and what clients chose is shortened", () => {
    const edges = [{ program: "sse-edge", instance: "01K0ABCDEF" }];
    const open = { user: "ann", surface: "notification-stream", types: ["a.b", "c.*"], lag: 3, deliveries: 1, bytes: 1536, address: "127.0.0.1:9", instance: "01K0ABCDEF" };
    assert.deepEqual(connectionTexts(open, edges), {
        user: "ann", what: "notification-stream · a.b, c.*", behind: "3", sent: "1 event, 1.5 KiB", where: "127.0.0.1:9 at sse-edge …ABCDEF",
    });
    const closed = { surface: "relay", subscriptions: [{}, {}], deliveries: 0, bytes: 0, cause: "stalled", instance: "other" };
    assert.deepEqual(connectionTexts(closed, edges), {
        user: "–", what: "relay · 2 subscriptions", behind: "Many", sent: "0 events, 0 bytes", where: "Ended: stalled",
    });
    assert.ok(connectionTexts({ ...open, user: "x".repeat(500) }, edges).user.length <= 81);
});

test("shares are bars where they have a limit, and replicas are told apart", () => {
    const connections = { program: "sse-edge", shares: [{ name: "connections", used: 2, limit: 5 }] };
    const events = { name: "events", used: 10, limit: 100, perSecond: 10, lastMinute: 30 };
    const [first, second, third, fourth] = shareBars({
        instances: [
            { ...connections, instance: "AAAAAA1" },
            { ...connections, instance: "AAAAAA2" },
            { program: "event-producer", instance: "B", shares: [events, { name: "bytes", lastMinute: 2048 }] },
        ],
    });
    assert.deepEqual(first, { name: "Open connections (sse-edge …AAAAA1)", value: 2, most: 5, text: "2 of 5" });
    assert.equal(second.name, "Open connections (sse-edge …AAAAA2)");
    assert.deepEqual(third, {
        name: "Events (event-producer)", value: 10, most: 100, text: "30 in the last minute; 90 left at once, 10 a second in the long run",
    });
    assert.deepEqual(fourth, { name: "Bytes of payloads (event-producer)", value: undefined, most: undefined, text: "2 KiB in the last minute, no limit" });
});

test("the log's fill is a bar, with the tenant's part and the limits", () => {
    const log = { messages: 1, keptSince: new Date(NOW - 7_200_000).toISOString(), maxAge: "7d", maxBytes: 10 * 2 ** 30, filledPercent: 42, dropsOldest: true };
    const [bar, records] = logBars({ log, approvals: { messages: 0, dropsOldest: false } }, NOW);
    assert.deepEqual([bar.name, bar.value, bar.most], ["Log", 42, 100]);
    for (const text of ["1 message of your tenant", "42 % of 10 GiB used by all tenants", "kept for 7d", "the oldest is from 2 h ago", "dropped"]) {
        assert.ok(bar.text.includes(text), text);
    }
    assert.deepEqual([records.value, records.most], [undefined, undefined]);
    assert.match(records.text, /^0 records of your tenant; no limit of size; .*; empty; new ones are refused/);
    assert.equal(logBars({ log }, NOW).length, 1);
});
