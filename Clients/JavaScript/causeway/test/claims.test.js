import assert from "node:assert/strict";
import test from "node:test";

import { expiryOf, identityOf, readClaims, tenantOf } from "../src/core/claims.js";

function tokenOf(claims) {
    return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;
}

test("claims are read from base64url and UTF-8", () => {
    const claims = { sub: "änn€🚀", exp: 7, roles: ["admin"], "???>>>": "~~~" };
    assert.deepEqual(readClaims(tokenOf(claims)), claims);
});

test("a malformed token is an error with one code, and the message does not contain it", () => {
    const number = `e30.${Buffer.from("7").toString("base64url")}.s`;
    const notUTF8 = `e30.${Buffer.from([0x22, 0xff, 0x22]).toString("base64url")}.s`;
    const isExpected = ({ code, message }) => code === "not_a_token" && message === "what was given as a token is no JWT";
    for (const token of ["", "no token", "a.b.c", "a.!.c", number, `e30.${btoa("null")}.s`, notUTF8, `${tokenOf({})}\n`, `${tokenOf({})} secret`, 7, undefined]) {
        assert.throws(() => readClaims(token), isExpected);
    }
});

test("the tenant has three names", () => {
    assert.equal(tenantOf({ tenant_id: "a", workspace_id: "b", org_id: "c" }), "a");
    assert.equal(tenantOf({ workspace_id: "b", org_id: "c" }), "b");
    assert.equal(tenantOf({ org_id: "c" }), "c");
    assert.equal(tenantOf({}), undefined);
});

test("tabs share a connection if user, tenant and roles are the same", () => {
    const identity = (claims) => identityOf(tokenOf({ sub: "ann", tenant_id: "acme", roles: ["member", "admin"], ...claims }));
    assert.deepEqual(identity({ exp: 1 }), identity({ exp: 2, roles: ["admin", "member"] }));
    for (const other of [{ sub: "bob" }, { tenant_id: "other" }]) assert.notEqual(identity(other).user, identity({}).user);
    const member = identity({ roles: "member" });
    assert.equal(member.user, identity({}).user);
    assert.notEqual(member.group, identity({}).group);
    assert.deepEqual(member, identity({ roles: ["member"] }));
});

test("tenant and roles may have other names, also in other claims", () => {
    const names = { tenant: ["tid", "org.id"], roles: ["realm_access.roles", "https://a.example/roles"] };
    const identity = (claims) => identityOf(tokenOf({ sub: "ann", tenant_id: "same", roles: ["same"], ...claims }), names);
    assert.notEqual(identity({ tid: "a" }).user, identity({ tid: "b" }).user);
    assert.equal(identity({ org: { id: "a" } }).user, identity({ tid: "a" }).user);
    const member = identity({ realm_access: { roles: ["member"] } });
    assert.notEqual(member.group, identity({ realm_access: { roles: ["admin"] } }).group);
    assert.equal(member.group, identity({ "https://a.example/roles": ["member"] }).group);
    for (const claims of [{ org: "x" }, { org: null, realm_access: 7 }]) assert.equal(identity(claims).user, JSON.stringify(["ann", null]));
});

test("a token expires at exp, in milliseconds, and never without it", () => {
    assert.equal(expiryOf(tokenOf({ exp: 10 })), 10_000);
    assert.equal(expiryOf(tokenOf({})), null);
    assert.equal(expiryOf(tokenOf({ exp: "10" })), null);
});
