import assert from "node:assert/strict";
import test from "node:test";

import { TokenSource } from "../src/core/token-source.js";

function tokenOf(claims) {
    return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;
}

/** A source whose function returns those tokens in turn, with a clock that stands at 1000 s unless it is set. */
function sourceOf(...tokens) {
    const requests = [];
    const clock = { now: 1_000_000 };
    const get = async (request) => {
        requests.push(request);
        const token = tokens.shift();
        if (token instanceof Error) throw token;
        return token;
    };
    return { source: new TokenSource(get, () => clock.now), requests, clock };
}

test("callers at the same time share one call of the function", async () => {
    const { source, requests } = sourceOf(tokenOf({ sub: "ann" }));
    const [one, other] = await Promise.all([source.current(), source.current()]);
    assert.equal(one, other);
    assert.equal(await source.current(), one);
    assert.deepEqual(requests, [{ reason: "first", previous: undefined }]);
});

test("an expired token is replaced at its next use", async () => {
    const [first, second] = [tokenOf({ exp: 1_010 }), tokenOf({ exp: 2_000 })];
    const { source, requests, clock } = sourceOf(first, second);
    assert.equal(await source.current(), first);
    clock.now = 1_010_000;
    assert.equal(await source.current(), second);
    assert.deepEqual(requests[1], { reason: "expiring", previous: first });
});

test("a refused token is replaced once for all who were refused", async () => {
    const [first, second] = [tokenOf({ n: 1 }), tokenOf({ n: 2 })];
    const { source, requests } = sourceOf(first, second);
    await source.current();
    assert.deepEqual(await Promise.all([source.refresh("refused", first), source.refresh("refused", first)]), [second, second]);
    assert.equal(await source.refresh("refused", first), second, "it was replaced already");
    assert.deepEqual(requests.map(({ reason }) => reason), ["first", "refused"]);
});

test("no token means signed out, and a failure is passed on; both ask again later", async () => {
    const token = tokenOf({});
    const { source } = sourceOf(null, undefined, new Error("no answer"), "no token", token);
    await assert.rejects(source.current(), { code: "signed_out" });
    await assert.rejects(source.current(), { code: "signed_out" });
    await assert.rejects(source.current(), { message: "no answer" });
    await assert.rejects(source.current(), { code: "not_a_token" });
    assert.equal(await source.current(), token);
});

test("a fixed token is never replaced", async () => {
    const token = tokenOf({ exp: 1 });
    const source = new TokenSource(token, () => 1_000_000);
    assert.equal(await source.current(), token, "the server decides");
    assert.equal(await source.refresh("refused", token), null);
    assert.equal(source.renewalDelay(token), null);
});

test("the renewal is due by the injected clock", async () => {
    const { source, clock } = sourceOf();
    clock.now = 0;
    assert.equal(source.renewalDelay(tokenOf({ exp: 3_600 })), 3_540_000);
    clock.now = 3_000_000;
    assert.equal(source.renewalDelay(tokenOf({ exp: 3_600 })), 540_000);
});
