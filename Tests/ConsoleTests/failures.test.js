import assert from "node:assert/strict";
import test from "node:test";

import { absenceText, failureText } from "../../deploy/console/failures.js";

test("a failure says what to do", () => {
    const text = (error, isOnline = true) => failureText("Couldn't load approvals", error, isOnline);
    assert.match(text({ status: 401, message: "x", isExplained: true }), /^Couldn't load approvals: your sign-in has expired\. Sign in again/);
    assert.match(text({ status: 403, message: "x" }), /may not see this\. Ask an admin/);
    assert.match(text({ status: 503, message: "x" }), /\(503\).*try again/);
    assert.match(text({ status: 503, message: "The log is out of reach.", isExplained: true }), /: The log is out of reach\.$/);
    assert.match(text({ message: "The service did not answer." }), /: The service did not answer\.$/);
    assert.match(text({ message: "The service did not answer." }, false), /no network\. .*when the network is back\.$/);
    assert.match(text({ status: 400, message: "The cursor is malformed." }), /: The cursor is malformed\.$/);
});

test("an event that is not shown has one reason", () => {
    assert.match(absenceText(404, "evt_1"), /^The log has no event evt_1 that you may see\./);
    assert.match(absenceText(410, "evt_1"), /^Event evt_1 is gone: the log no longer holds/);
    for (const status of [400, 403, 429, 503, undefined]) assert.equal(absenceText(status, "evt_1"), undefined);
});
