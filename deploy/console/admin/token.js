// What a token says, and what services would let it do (contract §1). Nothing here verifies a signature: only services have the keys.

import { shown } from "../dom.js";
import { duration, exact, relative } from "../format.js";

const ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA"];
/** The roles that Causeway knows. Others count in groups of approvers. */
const ROLES = ["admin", "member", "producer", "issuer"];
const TENANT_CLAIMS = ["tenant_id", "workspace_id", "org_id"];
/** `nbf` and `iat` may lie so many milliseconds in the future. */
const SKEW = 30_000;
const MOST_BYTES = 16_384;
/** What needs a role, and which: one of them is enough. Without roles, any token of the tenant will do. */
const SURFACES = [
    { what: "Workspace stream, execution streams, tickets", roles: [] },
    { what: "Notification stream, long poll, relay", roles: ["admin", "member"] },
    { what: "Lists of notifications and approvals", roles: ["admin", "member"] },
    { what: "Decide approvals without groups", roles: ["admin"] },
    { what: "Publish events of its tenant", roles: ["admin", "producer"] },
    { what: "Publish events of any tenant", roles: ["producer"] },
    { what: "Manage webhooks", roles: ["admin"] },
    { what: "See connections, usage and log of its tenant", roles: ["admin"] },
    { what: "Revoke tokens of its tenant", roles: ["admin", "issuer"] },
    { what: "Revoke tokens of any tenant", roles: ["issuer"] },
];

/**
 * Reads a token: `facts` are names and values for people, `problems` why services refuse it, `opens` which surfaces its roles open, `header` and
 * `claims` its JSON. Throws an error with a message for people if it is not a JWT; the message has nothing of the token.
 */
export function inspect(text, now = Date.now()) {
    const token = text.trim().replace(/^Bearer\s+/i, "");
    const parts = token.split(".");
    let header;
    let claims;
    try {
        [header, claims] = parts.slice(0, 2).map(objectOf);
    } catch {
        // The same for every text: an error of the platform may repeat a part of it.
    }
    if (parts.length !== 3 || !header || !claims) throw new Error("This is not a token: it must be three parts joined by dots, the first two of which are JSON.");
    const problems = problemsOf({ token, header, claims, signature: parts[2] }, now);
    const roles = rolesOf(claims);
    return { header, claims, problems, facts: factsOf(header, claims, now), opens: SURFACES.map((surface) => opened(surface, roles)) };
}

function objectOf(part) {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

function problemsOf({ token, header, claims, signature }, now) {
    const { sub, exp, nbf, iat } = claims;
    const later = (time) => typeof time === "number" && time * 1000 > now + SKEW;
    const isPresent = (value) => typeof value === "string" && value !== "";
    return [
        [token.length > MOST_BYTES, "It is longer than 16 KiB."],
        [/secevent\+jwt$/i.test(String(header.typ)), "It is a security event, not an access token."],
        [!ALGORITHMS.includes(header.alg), `Its algorithm is ${shown(header.alg, 20) || "missing"}; services accept ${ALGORITHMS.join(", ")}.`],
        [Object.hasOwn(header, "crit"), "Its header has crit, which no service accepts."],
        [signature === "", "It has no signature."],
        [!isPresent(sub), "It names no user: sub is missing."],
        [!isPresent(tenantOf(claims).value), `It names no tenant: ${TENANT_CLAIMS.join(", ")} are missing.`],
        [typeof exp !== "number", "It has no time of expiry: exp is missing."],
        [typeof exp === "number" && exp * 1000 <= now, `It expired ${relative(exp * 1000, now)}.`],
        [later(nbf), `It is not valid yet: from ${exact(nbf * 1000)} on.`],
        [later(iat), "It says that it was issued in the future."],
    ]
        .filter(([isSo]) => isSo)
        .map(([, problem]) => problem);
}

function factsOf(header, claims, now) {
    const { sub, exp, iat, nbf, iss, aud, jti, email, scope } = claims;
    const tenant = tenantOf(claims);
    const roles = rolesOf(claims);
    const time = (value) => (typeof value === "number" ? `${exact(value * 1000)} (${relative(value * 1000, now)})` : undefined);
    return [
        ["User", sub],
        [tenant.claim ? `Tenant (${tenant.claim})` : "Tenant", tenant.value],
        ["Roles", roles.filter((role) => ROLES.includes(role)).join(", ") || "No role that Causeway knows"],
        ["Roles for groups of approvers", roles.filter((role) => !ROLES.includes(role)).join(", ")],
        ["Expires", time(exp)],
        ["Issued", time(iat)],
        ["Valid from", time(nbf)],
        ["Life", typeof exp === "number" && typeof iat === "number" ? duration((exp - iat) * 1000) : undefined],
        ["Issuer", iss],
        ["Audience", [aud ?? []].flat().join(", ")],
        ["Id (jti)", jti],
        ["E-mail", email],
        ["Scope", scope],
        ["Algorithm", header.alg],
        ["Key (kid)", header.kid],
    ]
        .map(([name, value]) => [name, shown(value, 200)])
        .filter(([, value]) => value !== "");
}

/** The first claim present counts. */
function tenantOf(claims) {
    const claim = TENANT_CLAIMS.find((name) => claims[name] !== undefined);
    return { claim, value: claims[claim] };
}

function rolesOf({ roles }) {
    return Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [];
}

function opened({ what, roles }, own) {
    return { what, isOpen: roles.length === 0 || roles.some((role) => own.includes(role)), needs: roles.length ? `needs ${roles.join(" or ")}` : "any token of the tenant" };
}
