import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { Causeway } from "../src/causeway.js";

const tokenOf = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;

/** A client whose requests get these statuses. */
function client(token, statuses) {
    const signals = [];
    mock.method(globalThis, "fetch", async (url, { signal }) => {
        signals.push(signal);
        return new Response("{}", { status: statuses.shift() ?? 200 });
    });
    return { causeway: new Causeway({ origin: "http://causeway.test", token }), signals };
}

test("a page that only sends requests gets over any number of refused tokens that were replaced", async (context) => {
    context.after(() => mock.restoreAll());
    let count = 0;
    const { causeway } = client(() => tokenOf({ sub: "ann", n: count++ }), Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 401 : 200)));
    for (let n = 0; n < 10; n++) assert.equal((await causeway.fetch("/v1/approvals")).status, 200);
    assert.equal(count, 11);
});

test("the time limit of a request begins when it is sent", async (context) => {
    context.after(() => mock.restoreAll());
    let give;
    const { causeway, signals } = client(() => new Promise((resolve) => { give = resolve; }), []);
    const answer = causeway.fetch("/v1/approvals", { timeout: 20 });
    // Longer than the limit: waiting for a token must not count.
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(signals.length, 0);
    give(tokenOf({ sub: "ann" }));
    assert.equal((await answer).status, 200);
    assert.equal(signals[0].aborted, false);
    // The timer of the signal alone keeps no process alive.
    while (!signals[0].aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(signals[0].reason.name, "TimeoutError");
});
