import assert from "node:assert/strict";
import test from "node:test";

import { TokenSource } from "../src/core/token-source.js";

/** Without chance: 1 s, 2 s, 4 s after failures. */
const BACKOFF = { first: 1_000, factor: 2, max: 4_000, jitter: 0 };
const HOUR = 3_600;

function tokenOf(claims) {
    return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;
}

/** A clock that stands at 1000 s, and whose timers fire when it is set on. */
class Clock {
    time = 1_000_000;
    timers = new Set();

    now = () => this.time;

    after = (milliseconds, callback) => {
        const timer = { at: this.time + milliseconds, callback };
        this.timers.add(timer);
        return () => this.timers.delete(timer);
    };

    /** Sets the clock on by so many seconds, timer by timer, and lets promises settle after each. */
    async pass(seconds) {
        const end = this.time + seconds * 1_000;
        for (;;) {
            await settled();
            const [next] = [...this.timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
            if (!next) break;
            this.time = Math.max(this.time, next.at);
            this.timers.delete(next);
            next.callback();
        }
        this.time = end;
    }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A source whose function returns those tokens in turn; errors are thrown, and a promise is waited for. */
function sourceOf(...tokens) {
    const bench = { requests: [], notices: [], clock: new Clock(), renewed: [] };
    const get = async (request) => {
        bench.requests.push(request);
        const token = await tokens.shift();
        if (token instanceof Error) throw token;
        return token;
    };
    const notify = ({ state, retryInMs, error }) => bench.notices.push([state, retryInMs, error?.message ?? null]);
    bench.source = new TokenSource(get, { clock: bench.clock, notify, backoff: BACKOFF, random: () => 0 });
    bench.watch = () => bench.source.watch((token) => bench.renewed.push(token));
    bench.reasons = () => bench.requests.map(({ reason }) => reason);
    return bench;
}

function fixedSourceOf(token) {
    const bench = { notices: [], clock: new Clock() };
    bench.source = new TokenSource(token, { clock: bench.clock, notify: ({ state }) => bench.notices.push(state), random: () => 0 });
    return bench;
}

/** A promise with its `resolve`. */
function promised() {
    const made = {};
    made.promise = new Promise((resolve) => (made.resolve = resolve));
    return made;
}

// MARK: Asking

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
    assert.equal(source.held(), first);
    await clock.pass(10);
    assert.equal(source.held(), null);
    assert.equal(await source.current(), second);
    assert.deepEqual(requests[1], { reason: "expiring", previous: first });
});

test("a token that has expired by this machine's clock when it comes is used: the server decides", async () => {
    const token = tokenOf({ exp: 900 });
    const { source, requests, watch, clock } = sourceOf(token);
    assert.equal(await source.current(), token);
    watch();
    await clock.pass(HOUR);
    assert.equal(source.held(), token);
    assert.equal(requests.length, 1);
});

test("a refused token is replaced once for all who were refused", async () => {
    const [first, second] = [tokenOf({ n: 1 }), tokenOf({ n: 2 })];
    const { source, reasons, notices } = sourceOf(first, second);
    await source.current();
    source.refuse(first);
    source.refuse(first);
    assert.equal(source.held(), null);
    assert.deepEqual(await Promise.all([source.current(), source.current()]), [second, second]);
    source.refuse(first);
    assert.equal(await source.current(), second, "it was replaced already");
    assert.deepEqual(reasons(), ["first", "refused"]);
    assert.deepEqual(notices.map(([state]) => state), ["refused", "renewed"]);
});

test("after three tokens in a row that were refused, no more are asked for", async () => {
    const tokens = [1, 2, 3].map((n) => tokenOf({ n }));
    const { source, requests } = sourceOf(...tokens);
    for (const token of tokens) {
        assert.equal(await source.current(), token);
        source.refuse(token);
    }
    await assert.rejects(source.current(), { code: "unauthorized" });
    assert.equal(requests.length, 3);
});

test("a token that was accepted in between begins the count again", async () => {
    const tokens = [1, 2, 3, 4, 5].map((n) => tokenOf({ n }));
    const { source } = sourceOf(...tokens);
    for (const token of tokens) {
        assert.equal(await source.current(), token);
        source.accepted(token);
        source.accepted("another");
        source.refuse(token);
        source.accepted(token);
    }
});

test("a refused token that is returned again is a failure", async () => {
    const [token, next] = [tokenOf({ n: 1 }), tokenOf({ n: 2 })];
    const { source, clock } = sourceOf(token, token, next);
    await source.current();
    source.refuse(token);
    await assert.rejects(source.current(), { code: "token_unchanged" });
    assert.equal(source.held(), null);
    await clock.pass(1);
    assert.equal(await source.current(), next);
});

test("after a failure the function is not called before the backoff has passed", async () => {
    const token = tokenOf({});
    const { source, requests, clock } = sourceOf(new Error("no answer"), "no token", token);
    await assert.rejects(source.current(), { message: "no answer" });
    await assert.rejects(source.current(), { message: "no answer" });
    assert.deepEqual([requests.length, source.retryInMs], [1, 1_000]);
    await clock.pass(1);
    await assert.rejects(source.current(), { code: "not_a_token" });
    assert.equal(source.retryInMs, 2_000);
    await clock.pass(2);
    assert.equal(await source.current(), token);
    assert.equal(source.retryInMs, null);
});

test("no token means signed out: watchers are told, and a later use asks again", async () => {
    const [first, second] = [tokenOf({ exp: 1_010 }), tokenOf({})];
    const { source, reasons, clock, watch, renewed } = sourceOf(first, null, undefined, second);
    await source.current();
    watch();
    await clock.pass(HOUR);
    assert.deepEqual(renewed, [null]);
    assert.deepEqual(reasons(), ["first", "expiring"], "no timer asks again");
    assert.equal(source.held(), null);
    await assert.rejects(source.current(), { code: "signed_out" });
    assert.equal(await source.current(), second);
});

// MARK: Renewal

test("while something watches, the token is renewed in time, and only then", async () => {
    const [first, second, third] = [1_000 + HOUR, 1_000 + 2 * HOUR, 1_000 + 3 * HOUR].map((exp) => tokenOf({ exp }));
    const { source, requests, clock, watch, renewed, notices } = sourceOf(first, second, third);
    await source.current();
    await clock.pass(3_500);
    assert.equal(requests.length, 1, "nothing watches");
    const leave = watch();
    await settled();
    assert.deepEqual(requests[1], { reason: "expiring", previous: first });
    assert.deepEqual(renewed, [second]);
    assert.equal(source.held(), second);
    assert.deepEqual(notices, [["renewed", null, null]]);
    leave();
    await clock.pass(HOUR);
    assert.equal(requests.length, 2);
    assert.equal(clock.timers.size, 0);
});

test("one call renews for all who watch", async () => {
    const [first, second] = [tokenOf({ exp: 1_000 + HOUR }), tokenOf({})];
    const { source, requests, clock, watch, renewed } = sourceOf(first, second);
    await source.current();
    watch();
    watch();
    await clock.pass(HOUR - 361);
    assert.equal(requests.length, 1);
    await clock.pass(1);
    assert.deepEqual([requests.length, renewed], [2, [second, second]]);
});

test("a function that fails is called again with backoff, and the page is told", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const { source, clock, watch, renewed, notices } = sourceOf(first, new Error("one"), new Error("two"), second);
    await source.current();
    watch();
    await clock.pass(70);
    assert.deepEqual(notices, [["expiring", 1_000, "one"]]);
    await clock.pass(1);
    assert.deepEqual(notices.slice(1), [["expiring", 2_000, "two"]]);
    assert.equal(source.held(), first, "it still counts");
    await clock.pass(2);
    assert.deepEqual(notices.slice(2), [["renewed", null, null]]);
    assert.deepEqual(renewed, [second]);
});

test("after the expiry it is called on, and the page is told that too", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const failures = Array.from({ length: 12 }, () => new Error("down"));
    const { source, clock, watch, renewed, notices } = sourceOf(first, ...failures, second);
    await source.current();
    watch();
    await clock.pass(99);
    assert.ok(notices.length >= 8 && notices.every(([state]) => state === "expiring"), JSON.stringify(notices));
    assert.equal(source.held(), first);
    await clock.pass(1);
    assert.equal(source.held(), null);
    assert.deepEqual(notices.at(-1).slice(0, 1), ["expired"]);
    await clock.pass(30);
    assert.deepEqual(renewed, [second]);
    assert.equal(source.held(), second);
});

test("a function that takes its time is not called twice, and the page is told of the expiry", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const signIn = promised();
    const { source, requests, clock, watch, renewed, notices } = sourceOf(first, signIn.promise);
    await source.current();
    watch();
    await clock.pass(500);
    assert.equal(requests.length, 2);
    assert.deepEqual(notices, [["expired", null, null]]);
    const waiting = source.current();
    signIn.resolve(second);
    assert.equal(await waiting, second);
    assert.deepEqual(renewed, [second]);
});

test("a token that is refused while the next one is awaited needs no second call", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const signIn = promised();
    const { source, requests, clock, watch } = sourceOf(first, signIn.promise);
    await source.current();
    watch();
    await clock.pass(80);
    source.refuse(first);
    const waiting = source.current();
    signIn.resolve(second);
    assert.equal(await waiting, second);
    assert.equal(requests.length, 2);
});

test("a token that the server refuses around its exp has expired", async () => {
    for (const [left, state] of [[3, "refused"], [2, "expired"]]) {
        const token = tokenOf({ exp: 1_000 + left });
        const { source, notices } = sourceOf(token);
        await source.current();
        source.refuse(token);
        assert.deepEqual(notices, [[state, null, null]]);
    }
});

test("timers that a browser delays are made up for at the next message", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const { source, requests, clock, watch } = sourceOf(first, second);
    await source.current();
    watch();
    source.check();
    await settled();
    assert.equal(requests.length, 1);
    clock.time += 75_000;
    source.check();
    await settled();
    assert.equal(requests.length, 2);
});

test("a timer that fires too early is set again", async () => {
    const [first, second] = [tokenOf({ exp: 1_100 }), tokenOf({ exp: 9_000 })];
    const { source, requests, clock, watch } = sourceOf(first, second);
    await source.current();
    watch();
    const [early] = clock.timers;
    clock.timers.delete(early);
    early.callback();
    await settled();
    assert.equal(requests.length, 1);
    await clock.pass(70);
    assert.equal(requests.length, 2);
});

// MARK: Fixed tokens

test("a fixed token is never replaced: the server decides", async () => {
    const token = tokenOf({ exp: 1_100 });
    const { source, clock } = fixedSourceOf(token);
    assert.equal(source.isFixed, true);
    source.refuse(token);
    await clock.pass(500);
    assert.equal(await source.current(), token);
    assert.equal(source.held(), token);
});

test("of a fixed token the page is told once that it is about to expire, and that it has expired", async () => {
    const { source, clock, notices } = fixedSourceOf(tokenOf({ exp: 1_100 }));
    source.watch(() => {});
    await clock.pass(69);
    assert.deepEqual(notices, []);
    await clock.pass(1);
    assert.deepEqual(notices, ["expiring"]);
    await clock.pass(HOUR);
    assert.deepEqual(notices, ["expiring", "expired"]);
    assert.equal(clock.timers.size, 0);
});

test("a fixed token that is no JWT is the server's to refuse", async () => {
    const { source } = fixedSourceOf("no token");
    source.watch(() => {});
    assert.equal(await source.current(), "no token");
});
