import assert from "node:assert/strict";
import test from "node:test";

import {
    closeReason, endingOfResponse, endingOfStream, endingOfTicketRequest, endingOfWorkspace, endingWithTicket, retryAfterOf,
} from "../src/core/endings.js";

const respond = (status, body, headers) => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });

test("a stream that the server ends tells how to continue", () => {
    assert.deepEqual(endingOfStream("token_expired", 10), { verdict: "refresh", reason: "token_expired" });
    assert.deepEqual(endingOfStream("token_revoked", 10), { verdict: "refresh", reason: "token_revoked" });
    assert.deepEqual(endingOfStream("draining", 10), { verdict: "soon", reason: "draining", retryAfter: 10 });
    assert.deepEqual(endingOfStream("unavailable", undefined), { verdict: "retry", reason: "unavailable", retryAfter: undefined });
});

test("401 needs another token; 429 and 5xx pass; other statuses are final", async () => {
    const body = { error: "some_code", message: "Some sentence." };
    assert.deepEqual(await endingOfResponse(respond(401, body)), { verdict: "refresh", reason: "some_code" });
    for (const status of [429, 500, 503]) {
        const { verdict, reason, retryAfter, error } = await endingOfResponse(respond(status, body, { "Retry-After": "2" }));
        assert.deepEqual({ verdict, reason, retryAfter }, { verdict: "retry", reason: "some_code", retryAfter: 2_000 }, String(status));
        assert.deepEqual([error.code, error.message], ["some_code", "Some sentence."]);
    }
    for (const status of [400, 403, 404]) {
        const { verdict, reason, error } = await endingOfResponse(respond(status, body));
        assert.deepEqual([verdict, reason, error.code], ["end", "some_code", "some_code"], String(status));
    }
});

test("a response without the JSON error has its status as the reason", async () => {
    for (const body of ["<html>", "", { error: 7 }, []]) {
        const { reason, error } = await endingOfResponse(respond(502, body));
        assert.deepEqual([reason, error.code, error.message], ["http_502", "http_502", "HTTP status 502"]);
    }
});

test("a ticket that is refused needs another token for 401 alone; a server without tickets is tried again", async () => {
    const body = { error: "some_code", message: "Some sentence." };
    assert.deepEqual(await endingOfTicketRequest(respond(401, body)), { verdict: "refresh", reason: "some_code" });
    for (const status of [429, 503]) {
        const { verdict, retryAfter } = await endingOfTicketRequest(respond(status, body, { "Retry-After": "3" }));
        assert.deepEqual({ verdict, retryAfter }, { verdict: "retry", retryAfter: 3_000 }, String(status));
    }
    for (const status of [404, 405]) {
        const { verdict, reason, error } = await endingOfTicketRequest(respond(status, body));
        assert.deepEqual([verdict, reason, error.code], ["retry", "no_tickets", "no_tickets"], String(status));
    }
    assert.equal((await endingOfTicketRequest(respond(403, body))).verdict, "end");
});

test("a connection that is refused with its ticket is tried with another one; other endings stay", () => {
    for (const reason of ["unauthorized", "token_expired", "token_revoked"]) {
        assert.deepEqual(endingWithTicket({ verdict: "refresh", reason }), { verdict: "retry", reason: "ticket_refused" });
    }
    for (const verdict of ["retry", "soon", "end"]) assert.deepEqual(endingWithTicket({ verdict, reason: "any" }), { verdict, reason: "any" });
});

test("close codes of the workspace stream", () => {
    const ending = (code, wasOpen = true, reason = "") => endingOfWorkspace({ code, reason, wasOpen });
    assert.deepEqual(ending(4401), { verdict: "refresh", reason: "token_expired" });
    assert.deepEqual(ending(4401, false), { verdict: "refresh", reason: "unauthorized" });
    assert.deepEqual(ending(4003, false), { verdict: "end", reason: "wrong_workspace" });
    assert.deepEqual(ending(1001), { verdict: "soon", reason: "draining" });
    assert.deepEqual(ending(1006, false), { verdict: "retry", reason: "network" });
});

test("other close codes have one word", () => {
    assert.deepEqual([1006, 1008, 1011].map((code) => closeReason(code, "ignored")), ["network", "limit", "unavailable"]);
    assert.equal(closeReason(4000, "replaced"), "replaced");
    assert.equal(closeReason(4000, ""), "closed_4000");
});

test("Retry-After is seconds or a date", () => {
    const now = Date.UTC(2026, 0, 1);
    assert.equal(retryAfterOf("120", now), 120_000);
    assert.equal(retryAfterOf("0", now), 0);
    assert.equal(retryAfterOf("Thu, 01 Jan 2026 00:00:30 GMT", now), 30_000);
    assert.equal(retryAfterOf("Wed, 31 Dec 2025 23:59:00 GMT", now), 0, "a date that has passed");
    for (const value of [null, "", "soon"]) assert.equal(retryAfterOf(value, now), undefined, String(value));
});
