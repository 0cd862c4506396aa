import assert from "node:assert/strict";
import test from "node:test";

import { modulesOf, preloadedBy, readPage, withPreloads } from "./imports.js";

test("the page preloads every module that it needs at once, and no other", () => {
    const modules = modulesOf("console.js");
    assert.ok(modules.includes("causeway/causeway.js") && modules.includes("dom.js") && !modules.includes("webhooks.js"));
    assert.deepEqual(preloadedBy(readPage()), modules.slice(1), "run `make console-preloads`");
});

test("the list is replaced, not repeated", () => {
    const page = readPage();
    assert.equal(withPreloads(page), page);
    const modules = preloadedBy(page);
    assert.equal(new Set(modules).size, modules.length);
});
