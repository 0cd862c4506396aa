import assert from "node:assert/strict";
import test from "node:test";

import { typeList, withQuery } from "../src/core/queries.js";

test("the same types give the same parameter, in whatever order and form", () => {
    for (const types of ["incident.*,approval.requested", " approval.requested , incident.*", ["incident.*", "approval.requested"]]) {
        assert.equal(typeList(types), "approval.requested,incident.*");
    }
    assert.equal(typeList(new Set(["a"])), "a");
});

test("no types mean all", () => {
    for (const types of [undefined, null, []]) assert.equal(typeList(types), undefined);
});

test("parameters are encoded, and those that are undefined left out", () => {
    const url = withQuery(new URL("https://a.example/v1"), { types: "a,b", none: undefined, last_event_id: "", name: "ä &" });
    assert.equal(url.href, "https://a.example/v1?types=a%2Cb&last_event_id=&name=%C3%A4+%26");
});
