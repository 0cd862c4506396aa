import assert from "node:assert/strict";
import test from "node:test";

import { addressOf, addressOfPart, OVERVIEW, partAt, placeAt, SECTIONS } from "../../deploy/console/address.js";

test("an address leads back to what it was made of", () => {
    for (const section of SECTIONS) assert.deepEqual(placeAt(addressOf(section)), { section, ids: [] });
    for (const id of ["inc_1", "release/checkout", "50 % #?&", "ümläut", "\u202e", "<b>"]) {
        assert.deepEqual(placeAt(addressOf("incidents", id)), { section: "incidents", ids: [id] });
        assert.match(addressOf("incidents", id), /^#\/incidents\/[!-~]+$/);
    }
    assert.deepEqual(placeAt(addressOf("executions", "workflow", "release/checkout")).ids, ["workflow", "release/checkout"]);
});

test("no address is the overview, and a former one is understood", () => {
    for (const fragment of ["", "#", "#/"]) assert.deepEqual(placeAt(fragment), { section: OVERVIEW, ids: [] });
    assert.deepEqual(placeAt("#approvals/app%201"), { section: "approvals", ids: ["app 1"] });
});

test("a part of a list is in the address, and no part of the place", () => {
    for (const part of ["all", "a&b=c", "?"]) {
        const address = addressOfPart("incidents", part);
        assert.deepEqual([placeAt(address), partAt(address)], [{ section: "incidents", ids: [] }, part]);
    }
    for (const fragment of ["", "#/", "#/incidents", "#/incidents/show=all", "#/incidents?all", "#/nothing?%"]) assert.equal(partAt(fragment), "", fragment);
    assert.deepEqual(placeAt("#/incidents/inc%3F1?show=all").ids, ["inc?1"]);
});

test("other fragments are no place", () => {
    for (const fragment of ["#main", "#/nothing", "#/constructor", "#/incidents/%", "#/incidents/..", "#/webhooks/%2e%2e", "#/approvals/./x"]) {
        assert.equal(placeAt(fragment), undefined, fragment);
    }
});
