import assert from "node:assert/strict";
import test from "node:test";

import { NO_CURSOR } from "../src/core/cursors.js";
import { RelayMultiplexer } from "../src/core/relay-multiplexer.js";

const idOf = (n) => `evt_01M7YZSJBYPCZ${String(n).padStart(13, "0")}`;
const EVERYTHING = { investigation: undefined, remediation: undefined };

/** A multiplexer whose connection and tabs are lists. */
class Bench {
    sent = [];
    published = [];
    multiplexer = new RelayMultiplexer((update) => this.published.push(update));

    connect() {
        this.multiplexer.connected((message) => this.sent.push(message));
        return this;
    }

    /** Takes what was sent since the last time. */
    take() {
        return this.sent.splice(0);
    }

    /** Answers every subscription that was sent since the last time, with the position in the log for those that ask. */
    acceptAll(place) {
        const requests = this.take();
        for (const { params: { incidentId } } of requests.filter(({ params }) => params.lastEventId === NO_CURSOR)) {
            this.multiplexer.receive({ method: "stream.gap", params: { reason: "unknown_cursor", incidentId, id: place } });
        }
        for (const { id } of requests) this.multiplexer.receive({ id, result: true });
        return requests;
    }

    subscribe(member, call, incidentId, after = EVERYTHING) {
        this.multiplexer.call(member, { id: call, method: "subscribe", params: { incidentId, after } });
    }

    request(member, call, method, params) {
        this.multiplexer.call(member, { id: call, method: "request", params: { method, params } });
    }

    /** The answers to a call, when all promises that are due have settled. */
    async replies(call) {
        await new Promise((resolve) => setImmediate(resolve));
        return this.published.filter((update) => update.kind === "reply" && update.call === call);
    }
}

test("calls wait for the connection, and each answer goes to its tab", async () => {
    const bench = new Bench();
    bench.request("tab 1", "call 1", "a.b", { n: 1 });
    bench.request("tab 2", "call 2", "c.d");
    assert.deepEqual(bench.take(), []);
    bench.connect();
    assert.deepEqual(bench.take(), [{ id: 1, method: "a.b", params: { n: 1 } }, { id: 2, method: "c.d" }]);
    assert.equal(bench.multiplexer.isBusy, true);
    bench.multiplexer.receive({ id: 2, error: { code: -32601, message: "no such method" } });
    bench.multiplexer.receive({ id: 1, result: { ok: true } });
    assert.deepEqual(await bench.replies("call 1"), [{ kind: "reply", to: "tab 1", call: "call 1", detail: { ok: true } }]);
    assert.deepEqual(await bench.replies("call 2"), [
        { kind: "reply", to: "tab 2", call: "call 2", error: { code: -32601, message: "no such method" } },
    ]);
    assert.equal(bench.multiplexer.isBusy, false);
});

test("progress goes to the call that it names; without such a call, to the stream", () => {
    const bench = new Bench().connect();
    bench.request("tab", "call", "agent.analyze", {});
    bench.multiplexer.receive({ method: "agent.analyze.progress", params: { requestId: 1, message: "half" } });
    assert.deepEqual(bench.published, [{ kind: "progress", to: "tab", call: "call", detail: { message: "half" } }]);
    bench.multiplexer.receive({ method: "investigation.progress", params: { requestId: 7, incidentId: "inc", timestamp: "t" } });
    assert.equal(bench.published[1].kind, "event");
});

test("a lost connection fails the calls that were sent, and an answer that comes later is ignored", async () => {
    const bench = new Bench().connect();
    bench.request("tab", "call", "a.b");
    bench.multiplexer.disconnected();
    assert.equal((await bench.replies("call"))[0].error.code, "connection_lost");
    bench.connect();
    bench.multiplexer.receive({ id: 1, result: 1 });
    assert.equal((await bench.replies("call")).length, 1);
    assert.deepEqual(bench.take().length, 1, "it is not sent again");
});

test("a call that was abandoned is forgotten, sent or not", async () => {
    const bench = new Bench();
    bench.request("tab", "waiting", "a.b");
    bench.multiplexer.call("tab", { id: "waiting", method: "forget" });
    bench.connect();
    assert.deepEqual(bench.take(), []);
    bench.request("tab", "sent", "a.b");
    bench.multiplexer.call("tab", { id: "sent", method: "forget" });
    bench.multiplexer.receive({ id: 1, result: 1 });
    assert.deepEqual(await bench.replies("sent"), []);
    assert.equal(bench.multiplexer.isBusy, false);
});

test("a subscription without a position asks for it, and answers with it", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab", "call", "inc");
    assert.deepEqual(bench.acceptAll(idOf(5)), [
        { id: 1, method: "investigation.subscribe", params: { incidentId: "inc", lastEventId: NO_CURSOR } },
        { id: 2, method: "remediation.subscribe", params: { incidentId: "inc", lastEventId: NO_CURSOR } },
    ]);
    assert.deepEqual((await bench.replies("call"))[0].detail, { investigation: idOf(5), remediation: idOf(5) });
    assert.deepEqual(bench.published.filter(({ kind }) => kind === "place"), [
        { kind: "place", lane: "investigation inc", detail: { id: idOf(5) } },
        { kind: "place", lane: "remediation inc", detail: { id: idOf(5) } },
    ]);
    assert.ok(!bench.published.some(({ kind }) => kind === "gap"), "the answer is no gap");
});

test("a gap that nobody asked for is one", () => {
    const bench = new Bench().connect();
    bench.multiplexer.receive({ method: "stream.gap", params: { reason: "unknown_cursor", incidentId: "inc", id: idOf(5) } });
    assert.deepEqual(bench.published, [{ kind: "gap", detail: { reason: "unknown_cursor", missedBefore: undefined, id: idOf(5) } }]);
});

test("a lost connection answers no question for a position: it is asked again, once", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab", "call", "inc");
    bench.take();
    bench.multiplexer.disconnected();
    bench.connect().acceptAll(idOf(5));
    assert.deepEqual((await bench.replies("call"))[0].detail, { investigation: idOf(5), remediation: idOf(5) });
    bench.multiplexer.receive({ method: "stream.gap", params: { reason: "unknown_cursor", incidentId: "inc", id: idOf(6) } });
    assert.equal(bench.published.at(-1).kind, "gap");
});

test("a push has its lane; an id of the payload that is no cursor stays in it", () => {
    const bench = new Bench().connect();
    bench.multiplexer.receive({ method: "investigation.progress", params: { id: idOf(1), incidentId: "inc", timestamp: "t", n: 1 } });
    bench.multiplexer.receive({ method: "execution.started", params: { id: "own", incidentId: "inc", timestamp: "t" } });
    assert.deepEqual(bench.published.map(({ lane, detail: { id, data, time } }) => ({ lane, id, data, time })), [
        { lane: "investigation inc", id: idOf(1), data: { incidentId: "inc", n: 1 }, time: "t" },
        { lane: "remediation inc", id: null, data: { id: "own", incidentId: "inc" }, time: "t" },
    ]);
});

test("after a reconnect each subscription resumes after its last push", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab", "call", "inc", { investigation: idOf(1), remediation: "" });
    bench.acceptAll();
    bench.multiplexer.receive({ method: "investigation.progress", params: { id: idOf(3), incidentId: "inc", timestamp: "t" } });
    bench.multiplexer.disconnected();
    bench.connect();
    assert.deepEqual(bench.take().map(({ method, params }) => [method, params.lastEventId]), [
        ["investigation.subscribe", idOf(3)], ["remediation.subscribe", ""],
    ]);
});

test("tabs share a subscription; one that begins before it takes it back", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab 1", "call 1", "inc", { investigation: idOf(5), remediation: idOf(5) });
    bench.acceptAll();
    bench.subscribe("tab 2", "call 2", "inc", { investigation: idOf(7), remediation: undefined });
    assert.deepEqual(bench.take(), []);
    assert.deepEqual((await bench.replies("call 2"))[0].detail, { investigation: idOf(5), remediation: idOf(5) });
    bench.subscribe("tab 3", "call 3", "inc", { investigation: idOf(2), remediation: idOf(5) });
    assert.deepEqual(bench.take().map(({ method, params }) => [method, params.lastEventId]), [
        ["investigation.unsubscribe", undefined], ["investigation.subscribe", idOf(2)],
    ]);
});

test("a subscription ends with its last tab", () => {
    const bench = new Bench().connect();
    for (const member of ["tab 1", "tab 2"]) bench.subscribe(member, member, "inc", { investigation: "", remediation: "" });
    bench.acceptAll();
    bench.multiplexer.call("tab 1", { id: "c", method: "unsubscribe", params: { incidentId: "inc" } });
    assert.deepEqual(bench.take(), []);
    bench.multiplexer.left("tab 2");
    assert.deepEqual(bench.take().map(({ method }) => method), ["investigation.unsubscribe", "remediation.unsubscribe"]);
    bench.multiplexer.disconnected();
    bench.connect();
    assert.deepEqual(bench.take(), []);
});

test("a refused subscription is the error of the tab that made it, and can be made again", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab", "call", "inc", { investigation: "", remediation: "" });
    for (const { id } of bench.take()) bench.multiplexer.receive({ id, error: { code: -32005, message: "too many" } });
    assert.deepEqual((await bench.replies("call"))[0].error, { code: -32005, message: "too many" });
    bench.take();
    bench.subscribe("tab", "again", "inc", { investigation: "", remediation: "" });
    assert.equal(bench.take().length, 2);
});

test("a subscription that is refused after a reconnect is an error of the stream", async () => {
    const bench = new Bench().connect();
    bench.subscribe("tab", "call", "inc", { investigation: "", remediation: "" });
    bench.acceptAll();
    assert.equal((await bench.replies("call")).length, 1);
    bench.multiplexer.disconnected();
    bench.connect();
    const [{ id }] = bench.take();
    bench.multiplexer.receive({ id, error: { code: -32005, message: "too many" } });
    assert.deepEqual(bench.published.at(-1), { kind: "error", detail: { code: -32005, message: "too many", data: undefined } });
});

test("after it is closed it publishes nothing", async () => {
    const bench = new Bench().connect();
    bench.request("tab", "call", "a.b");
    bench.multiplexer.close();
    assert.deepEqual(await bench.replies("call"), []);
    assert.deepEqual(bench.published, []);
});
