import Basics
import Foundation
import TestKit

@testable import AccessControl

extension TokenCase {
    private static let now = TestClock.start
    private static let standardPayload = #"{"sub":"u-1","tenant_id":"acme","exp":\#(now + 60)}"#

    static let forms: [TokenCase] = [
        TokenCase(name: "two parts", tamper: { $0.split(separator: ".").prefix(2).joined(separator: ".") }, expected: .malformed),
        TokenCase(name: "four parts", tamper: { $0 + ".AAAA" }, expected: .malformed),
        TokenCase(name: "five parts, as in JWE", tamper: { $0 + ".AAAA.AAAA" }, expected: .malformed),
        TokenCase(name: "only dots", tamper: { _ in ".." }, expected: .malformed),
        TokenCase(name: "no dots", tamper: { _ in "token" }, expected: .malformed),
        TokenCase(name: "nothing", tamper: { _ in "" }, expected: .missing),
        TokenCase(name: "padding", tamper: { $0 + "=" }, expected: .malformed),
        TokenCase(name: "a line break", tamper: { $0 + "\n" }, expected: .malformed),
        TokenCase(name: "a space in front", tamper: { " " + $0 }, expected: .malformed),
        TokenCase(name: "the other base 64 alphabet", tamper: { $0 + "+/" }, expected: .malformed),
        TokenCase(name: "not ASCII", tamper: { $0 + "é" }, expected: .malformed),
        TokenCase(name: "too long", claims: ["filler": "\"" + String(repeating: "x", count: 16 * 1024) + "\""], expected: .malformed),
        TokenCase(name: "long, but not too long", claims: ["filler": "\"" + String(repeating: "x", count: 4096) + "\""]),
        TokenCase(name: "a header that is not JSON", header: "{", expected: .malformed),
        TokenCase(name: "a header that is an array", header: "[]", expected: .malformed),
        TokenCase(name: "a header without alg", header: #"{"typ":"JWT"}"#, expected: .malformed),
        TokenCase(name: "an alg that is a list", header: #"{"alg":["HS256"]}"#, expected: .malformed),
        TokenCase(name: "a kid that is a number", header: #"{"alg":"HS256","kid":7}"#, expected: .malformed),
        TokenCase(name: "critical extensions", header: #"{"alg":"HS256","crit":["b64"],"b64":false}"#, expected: .malformed),
        TokenCase(name: "no critical extensions", header: #"{"alg":"HS256","crit":[]}"#, expected: .malformed),
        TokenCase(name: "crit is null", header: #"{"alg":"HS256","crit":null}"#, expected: .malformed),
        TokenCase(name: "crit is text", header: #"{"alg":"HS256","crit":"b64"}"#, expected: .malformed),
        TokenCase(name: "alg twice", header: #"{"alg":"none","alg":"HS256"}"#, expected: .malformed),
        TokenCase(name: "alg twice, once escaped", header: #"{"alg":"HS256","\u0061lg":"none"}"#, expected: .malformed),
        TokenCase(name: "a member twice within the header", header: #"{"alg":"HS256","x":{"a":1,"a":1}}"#, expected: .malformed),
        TokenCase(name: "a header with half a surrogate pair", header: #"{"alg":"HS256","kid":"\ud800"}"#, expected: .malformed),
        TokenCase(name: "a header behind a byte order mark", header: "\u{FEFF}{\"alg\":\"HS256\"}", expected: .malformed),
        TokenCase(name: "claims behind a byte order mark", payload: "\u{FEFF}" + standardPayload, expected: .malformed),
        TokenCase(name: "something behind the claims", payload: standardPayload + "{}", expected: .malformed),
        TokenCase(name: "claims without a fault", payload: standardPayload),
        TokenCase(name: "sub twice", payload: standardPayload.replacing("{", with: #"{"sub":"root","#), expected: .malformed),
        TokenCase(name: "tenant_id twice", payload: standardPayload.replacing("{", with: #"{"tenant_id":"acme","#), expected: .malformed),
        TokenCase(name: "exp twice", payload: standardPayload.replacing("{", with: #"{"exp":99999999999,"#), expected: .malformed),
        TokenCase(
            name: "roles twice, once escaped",
            payload: standardPayload.replacing("{", with: #"{"roles":["member"],"r\u006fles":["admin"],"#),
            expected: .malformed
        ),
        TokenCase(name: "a member twice within a claim", claims: ["x": #"[{"a":1,"b":{"a":1,"a":2}}]"#], expected: .malformed),
        TokenCase(name: "a claim with half a surrogate pair", claims: ["email": #""\udc00""#], expected: .malformed),
        TokenCase(name: "the same name at two depths", claims: ["x": #"{"sub":"other"}"#], check: { $0.user.text == "u-1" }),
        TokenCase(name: "claims that are not JSON", payload: "claims", expected: .malformed),
        TokenCase(name: "claims that are a list", payload: "[]", expected: .malformed),
        TokenCase(name: "claims that are null", payload: "null", expected: .malformed),
        TokenCase(name: "deep nesting", payload: String(repeating: "[", count: 3000), expected: .malformed),
    ]

    /// Dates that are late enough for any clock.
    static let lateDates: [TokenCase] = [
        "2147483648", "9007199254740992", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "123456789012345678901234567890",
    ].map { (number: String) in
        TokenCase(name: "exp \(number)", claims: ["exp": number], check: { (2_147_483_648...253_402_300_799).contains($0.expiresAt) })
    }

    static let claims: [TokenCase] = [
        TokenCase(name: "no exp", claims: ["exp": nil], expected: .noExpiry),
        TokenCase(name: "exp is null", claims: ["exp": "null"], expected: .noExpiry),
        TokenCase(name: "exp is text", claims: ["exp": "\"\(now + 60)\""], expected: .malformed),
        TokenCase(name: "exp is true", claims: ["exp": "true"], expected: .malformed),
        TokenCase(name: "exp now", claims: ["exp": "\(now)"], expected: .expired),
        TokenCase(name: "exp a second ago", claims: ["exp": "\(now - 1)"], expected: .expired),
        TokenCase(name: "exp in a second", claims: ["exp": "\(now + 1)"], check: { $0.expiresAt == now + 1 }),
        TokenCase(name: "exp with a fraction", claims: ["exp": "\(now).5"], check: { $0.expiresAt == now }),
        TokenCase(name: "exp with an exponent", claims: ["exp": "1.7000001e9"], check: { $0.expiresAt == now + 100 }),
        TokenCase(name: "exp in the far future", claims: ["exp": "1e300"], check: { $0.expiresAt == 253_402_300_799 }),
        TokenCase(name: "exp negative", claims: ["exp": "-1e300"], expected: .expired),
        TokenCase(name: "exp -1", claims: ["exp": "-1"], expected: .expired),
        TokenCase(name: "exp 0", claims: ["exp": "0"], expected: .expired),
        TokenCase(name: "exp 1e3", claims: ["exp": "1e3"], expected: .expired),
        TokenCase(name: "exp an empty text", claims: ["exp": "\"\""], expected: .malformed),
        TokenCase(name: "exp beyond every number", claims: ["exp": "1e400"], expected: .malformed),
        TokenCase(name: "nbf beyond every number", claims: ["nbf": "1e400"], expected: .malformed),
        TokenCase(name: "nbf 2^63", claims: ["nbf": "9223372036854775808"], expected: .notYetValid),
        TokenCase(name: "iat 2^64", claims: ["iat": "18446744073709551616"], expected: .notYetValid),
        TokenCase(name: "iat is text", claims: ["iat": "\"\(now)\""], expected: .malformed),
        TokenCase(name: "nbf long ago", claims: ["nbf": "-1e300"]),
        TokenCase(name: "exp within the leeway", setup: .lenientExpiry, claims: ["exp": "\(now - 4)"], check: { $0.expiresAt == now + 1 }),
        TokenCase(name: "exp at the end of the leeway", setup: .lenientExpiry, claims: ["exp": "\(now - 5)"], expected: .expired),
        TokenCase(name: "nbf in the past", claims: ["nbf": "\(now - 1)"]),
        TokenCase(name: "nbf in 30 s", claims: ["nbf": "\(now + 30)"]),
        TokenCase(name: "nbf in 31 s", claims: ["nbf": "\(now + 31)"], expected: .notYetValid),
        TokenCase(name: "nbf with a fraction beyond 30 s", claims: ["nbf": "\(now + 30).001"], expected: .notYetValid),
        TokenCase(name: "nbf is text", claims: ["nbf": "\"soon\""], expected: .malformed),
        TokenCase(name: "iat in 30 s", claims: ["iat": "\(now + 30)"]),
        TokenCase(name: "iat in 31 s", claims: ["iat": "\(now + 31)"], expected: .notYetValid),
        TokenCase(name: "no sub", claims: ["sub": nil], expected: .noSubject),
        TokenCase(name: "empty sub", claims: ["sub": "\"\""], expected: .noSubject),
        TokenCase(name: "sub is a number", claims: ["sub": "42"], expected: .malformed),
        TokenCase(name: "sub with a control character", claims: ["sub": #""a\nb""#], expected: .noSubject),
        TokenCase(name: "sub of 256 bytes", claims: ["sub": "\"" + String(repeating: "s", count: 256) + "\""]),
        TokenCase(name: "sub of 257 bytes", claims: ["sub": "\"" + String(repeating: "s", count: 257) + "\""], expected: .noSubject),
        TokenCase(name: "tenant_id", check: { $0.tenant == "acme" && $0.user == "u-1" && $0.roles == [.member] }),
        TokenCase(name: "workspace_id", claims: ["tenant_id": nil, "workspace_id": #""w""#], check: { $0.tenant == "w" }),
        TokenCase(name: "org_id", claims: ["tenant_id": nil, "org_id": #""o""#], check: { $0.tenant == "o" }),
        TokenCase(name: "tenant_id before workspace_id", claims: ["workspace_id": #""w""#], check: { $0.tenant == "acme" }),
        TokenCase(name: "a null is not there", claims: ["tenant_id": "null", "workspace_id": #""w""#], check: { $0.tenant == "w" }),
        TokenCase(name: "no tenant", claims: ["tenant_id": nil], expected: .noTenant),
        TokenCase(name: "empty tenant", claims: ["tenant_id": "\"\""], expected: .noTenant),
        TokenCase(
            name: "a tenant that is a number does not give way",
            claims: ["tenant_id": "7", "workspace_id": #""w""#],
            expected: .noTenant
        ),
        TokenCase(name: "tenant with a control character", claims: ["tenant_id": #""a\u0085b""#], expected: .noTenant),
        TokenCase(
            name: "tenant of 257 bytes",
            claims: ["tenant_id": "\"" + String(repeating: "t", count: 257) + "\""],
            expected: .noTenant
        ),
        TokenCase(
            name: "a claim of the configuration's own",
            setup: .lenientExpiry,
            claims: ["team": #""blue""#],
            check: { $0.tenant == "blue" }
        ),
        TokenCase(
            name: "another claim than configured",
            setup: .lenientExpiry,
            claims: ["tenant_id": nil, "workspace_id": #""w""#],
            expected: .noTenant
        ),
        TokenCase(name: "roles", claims: ["roles": #"["admin","producer","root",7,null]"#], check: { $0.roles == [.admin, .producer] }),
        TokenCase(
            name: "other roles",
            claims: ["roles": #"["security","admin","ciso","security",7,"","a\u0000b","Admin","é"]"#],
            check: {
                $0.otherRoles == ["security", "ciso", "Admin", "é"].sorted()
                    && $0.roleNames == ["admin", "security", "ciso", "Admin", "é"]
            }
        ),
        TokenCase(
            name: "other roles, too long",
            claims: ["roles": "[\"" + String(repeating: "x", count: 128) + "\",\"" + String(repeating: "y", count: 129) + "\"]"],
            check: { $0.otherRoles == [String(repeating: "x", count: 128)] }
        ),
        TokenCase(
            name: "other roles, too many",
            claims: ["roles": "[" + (100..<200).map { "\"r\($0)\"" }.joined(separator: ",") + ",\"member\"]"],
            check: { $0.otherRoles == (100..<164).map { "r\($0)" } && $0.roles == [.member] }
        ),
        TokenCase(name: "no other roles", check: { $0.otherRoles.isEmpty && $0.roleNames == ["member"] }),
        TokenCase(name: "no roles", claims: ["roles": nil], check: \.roles.isEmpty),
        TokenCase(name: "roles of the last place", setup: .otherRoles, check: { $0.roles == [.member] }),
        TokenCase(
            name: "roles under a name with dots",
            setup: .otherRoles,
            claims: ["https://example.com/roles": #"["admin"]"#, "realm_access": #"{"roles":["producer"]}"#],
            check: { $0.roles == [.admin] }
        ),
        TokenCase(
            name: "roles within a claim",
            setup: .otherRoles,
            claims: ["realm_access": #"{"roles":["producer","dba"]}"#],
            check: { $0.roles == [.producer] && $0.otherRoles == ["dba"] }
        ),
        TokenCase(
            name: "roles under the whole name of a path",
            setup: .otherRoles,
            claims: ["realm_access.roles": #"["admin"]"#, "realm_access": #"{"roles":["producer"]}"#],
            check: { $0.roles == [.admin] }
        ),
        TokenCase(
            name: "null is no place of roles",
            setup: .otherRoles,
            claims: ["https://example.com/roles": "null", "realm_access": #"{"roles":null}"#],
            check: { $0.roles == [.member] }
        ),
        TokenCase(
            name: "a path that leads nowhere",
            setup: .otherRoles,
            claims: ["realm_access": #"["roles"]"#],
            check: { $0.roles == [.member] }
        ),
        TokenCase(
            name: "the first place decides, also without a list",
            setup: .otherRoles,
            claims: ["https://example.com/roles": #""admin""#],
            check: \.roles.isEmpty
        ),
        TokenCase(name: "roles as text", claims: ["roles": "\"admin\""], check: \.roles.isEmpty),
        TokenCase(name: "roles in another case", claims: ["roles": #"["Admin"]"#], check: \.roles.isEmpty),
        TokenCase(
            name: "email and scope",
            claims: ["email": #""a@b.c""#, "scope": #""read write""#],
            check: { $0.email == "a@b.c" && $0.scope == "read write" }
        ),
        TokenCase(
            name: "email and scope of other types",
            claims: ["email": "1", "scope": "[]"],
            check: { $0.email == nil && $0.scope == nil }
        ),
        TokenCase(name: "any iss and aud, when none is configured", claims: ["iss": "7", "aud": "{}"]),
        TokenCase(name: "iss and aud", setup: .restricted, claims: ["iss": #""https://id.example""#, "aud": #""causeway""#]),
        TokenCase(name: "aud in a list", setup: .restricted, claims: ["iss": #""https://id.example""#, "aud": #"["x","causeway"]"#]),
        TokenCase(name: "no iss", setup: .restricted, claims: ["aud": #""causeway""#], expected: .wrongIssuer),
        TokenCase(
            name: "another iss",
            setup: .restricted,
            claims: ["iss": #""https://id.example/""#, "aud": #""causeway""#],
            expected: .wrongIssuer
        ),
        TokenCase(name: "no aud", setup: .restricted, claims: ["iss": #""https://id.example""#], expected: .wrongAudience),
        TokenCase(
            name: "another aud",
            setup: .restricted,
            claims: ["iss": #""https://id.example""#, "aud": #""Causeway""#],
            expected: .wrongAudience
        ),
        TokenCase(
            name: "an empty list of aud",
            setup: .restricted,
            claims: ["iss": #""https://id.example""#, "aud": "[]"],
            expected: .wrongAudience
        ),
    ]
}
