import assert from "node:assert/strict";
import test from "node:test";

import { commands, relayFacts, shareText, webhooksText } from "../../deploy/console/admin/deployment.js";
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
    assert.equal(opened(["admin"]).length, 7);
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
    assert.equal(shareText(new Headers()), "No limit");
    const share = { "X-RateLimit-Limit": "6000", "X-RateLimit-Remaining": "990", "X-RateLimit-Reset": "1" };
    assert.equal(shareText(new Headers(share)), "990 at once, 6000 a minute; all of it again in 1 s");
    assert.equal(shareText(new Headers({ ...share, "X-RateLimit-Reset": "0" })), "990 at once, 6000 a minute");
    const endpoint = (name) => ({ state: { name } });
    assert.deepEqual([webhooksText([]), webhooksText([endpoint("enabled")])], ["None", "1 webhook: 1 enabled"]);
    assert.equal(webhooksText(["enabled", "failing", "enabled"].map(endpoint)), "3 webhooks: 2 enabled, 1 failing");
    assert.ok(commands("https://a.example").some(({ command }) => command === "causeway doctor https://a.example"));
});
