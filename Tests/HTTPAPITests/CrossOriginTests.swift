import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import HTTPAPI

@Suite("CORS")
struct CrossOriginTests {
    private static let console = "https://console.example"
    private let policy: OriginPolicy

    init() throws {
        policy = try OriginPolicy(allowed: ["https://console.example", "http://localhost:3000/"])
    }

    private static func preflight(_ origin: String) -> HTTPFields {
        [.origin: origin, .accessControlRequestMethod: "GET", .accessControlRequestHeaders: "authorization"]
    }

    @Test(
        "Preflight of a configured origin",
        arguments: ["https://console.example", "http://localhost:3000", "https://console.example:443", "HTTPS://CONSOLE.EXAMPLE"]
    )
    func preflight(_ origin: String) async throws {
        try await SampleService.test(origins: policy) { client, _ in
            let response = try await client.execute(uri: "/any", method: .options, headers: Self.preflight(origin))
            #expect(response.status == .noContent)
            #expect(response.headers[.accessControlAllowOrigin] == origin)
            #expect(response.headers[values: .vary] == ["Origin"])
            let methods = response.headers[.accessControlAllowMethods]?.split(separator: ", ").map(String.init) ?? []
            #expect(Set(["GET", "HEAD", "POST", "PATCH", "DELETE"]).isSubset(of: methods))
            #expect(
                response.headers[.accessControlAllowHeaders]
                    == "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control, traceparent, tracestate, X-Request-Id"
            )
            #expect(response.headers[.accessControlAllowCredentials] == "true")
            #expect(response.headers[.requestID] != nil)
        }
    }

    @Test(
        "Other origins get nothing",
        arguments: ["https://evil.example", "null", "https://console.example.evil.example", "http://console.example", ""]
    )
    func otherOrigins(_ origin: String) async throws {
        try await SampleService.test(origins: policy) { client, _ in
            let preflight = try await client.execute(uri: "/open", method: .options, headers: Self.preflight(origin))
            let ordinary = try await client.execute(uri: "/open", method: .get, headers: [.origin: origin])
            #expect(preflight.status == .noContent)
            #expect(ordinary.status == .ok)
            for response in [preflight, ordinary] {
                #expect(!response.headers.contains { $0.name.canonicalName.hasPrefix("access-control-") })
                #expect(response.headers[values: .vary] == ["Origin"])
            }
        }
    }

    @Test(
        "Every response can be read by its page",
        arguments: [
            ("/open", .get, 200), ("/nothing", .get, 404), ("/any", .get, 401), ("/unforeseen", .get, 500), ("/open", .delete, 405),
            ("/open", .head, 200), ("/any", .options, 204),
        ] as [(String, HTTPRequest.Method, Int)]
    )
    func ordinary(_ path: String, _ method: HTTPRequest.Method, _ status: Int) async throws {
        try await SampleService.test(origins: policy) { client, _ in
            let response = try await client.execute(uri: path, method: method, headers: [.origin: Self.console])
            #expect(response.status.code == status)
            #expect(response.headers[.accessControlAllowOrigin] == Self.console)
            #expect(response.headers[.accessControlAllowCredentials] == "true")
            #expect(response.headers[.accessControlExposeHeaders] == "X-Request-Id, Retry-After, Causeway-Execution")
            #expect(response.headers[values: .vary] == ["Origin"])
            #expect(response.headers[.requestID] != nil)
        }
    }

    @Test("Without an origin only Vary is added, configured or not", arguments: [true, false])
    func withoutAnOrigin(isConfigured: Bool) async throws {
        try await SampleService.test(origins: isConfigured ? policy : .own) { client, _ in
            let response = try await client.execute(uri: "/open", method: .get)
            #expect(response.headers[.vary] == "Origin")
            #expect(response.headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test func unconfiguredNoOtherOriginMayRead() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/open", method: .get, headers: [.origin: Self.console])
            #expect(response.headers[.vary] == "Origin")
            #expect(response.headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test("The deployment's own origin may read, whatever is configured", arguments: [true, false])
    func ownOrigin(isConfigured: Bool) {
        let policy = isConfigured ? policy : .own
        let fields = policy.responseFields(to: .example(origin: "https://edge.example", host: "edge.example"))
        #expect(fields[.accessControlAllowOrigin] == "https://edge.example")
        let preflight = policy.preflightFields(to: .example(origin: "https://edge.example", host: "edge.example"))
        #expect(preflight[.accessControlAllowOrigin] == "https://edge.example")
    }

    @Test func anAsteriskAllowsEverybodyAndNobodysCredentials() throws {
        let policy = try OriginPolicy(allowed: ["*", "https://console.example"])
        let other = policy.responseFields(to: .example(origin: "https://x.example", host: "edge.example"))
        #expect(other[.accessControlAllowOrigin] == "https://x.example")
        #expect(other[.vary] == "Origin")
        #expect(other[.accessControlAllowCredentials] == nil)
        let named = policy.responseFields(to: .example(origin: "https://console.example", host: "edge.example"))
        #expect(named[.accessControlAllowCredentials] == "true")
    }

    @Test func optionsWithoutARequestedMethodIsNoPreflight() async throws {
        try await SampleService.test(origins: policy) { client, _ in
            let response = try await client.execute(uri: "/any", method: .options, headers: [.origin: Self.console])
            #expect(response.headers[.allow] == "GET, HEAD, OPTIONS")
            #expect(response.headers[.accessControlAllowMethods] == nil)
        }
    }
}

@Suite("Origins")
struct OriginPolicyTests {
    @Test(
        "Without configuration: pages of the same host, and whatever is not a page",
        arguments: [
            (nil, "edge.example", true),
            (nil, nil, true),
            ("https://edge.example", "edge.example", true),
            ("http://edge.example", "edge.example", true),
            ("HTTPS://Edge.Example", "edge.example", true),
            ("https://edge.example", "EDGE.EXAMPLE", true),
            ("https://edge.example", "edge.example:443", true),
            ("https://edge.example:443", "edge.example", true),
            ("http://edge.example:80", "edge.example", true),
            ("http://localhost:4000", "localhost:4000", true),
            ("http://[::1]:4000", "[::1]:4000", true),
            ("http://[::1]", "[::1]:80", true),
            ("http://[0:0:0:0:0:0:0:1]", "[::1]", true),
            ("http://edge.example", "edge.example:443", false),
            ("http://localhost:3000", "localhost:4000", false),
            ("http://localhost", "localhost:4000", false),
            ("http://[::1]:3000", "[::1]:4000", false),
            ("https://evil.example", "edge.example", false),
            ("https://edge.example.evil.example", "edge.example", false),
            ("https://evil.example", nil, false),
            ("null", "null", false),
            ("", "edge.example", false),
            ("edge.example", "edge.example", false),
            ("app://edge.example", "edge.example", false),
            ("https://", "", false),
            ("https://edge.example/", "edge.example", false),
            ("https://user@edge.example", "edge.example", false),
            ("https://edge.example, https://evil.example", "edge.example", false),
            ("https://edge.example:99999", "edge.example:99999", false),
            ("https://edge.example:+443", "edge.example", false),
            ("https://edge.example:", "edge.example", false),
            ("https://[::1", "[::1", false),
            ("https://[::g]", "[::g]", false),
        ] as [(String?, String?, Bool)]
    )
    func sameHost(origin: String?, host: String?, isAllowed: Bool) throws {
        let request = HTTPRequest.example(origin: origin, host: host)
        #expect(OriginPolicy.own.allows(request) == isAllowed)
        #expect(try OriginPolicy(allowed: []).allows(request) == isAllowed)
        #expect(try OriginPolicy(allowed: ["https://console.example"]).allows(request) == isAllowed)
    }

    struct Proxied: Sendable {
        let origin: String
        let fields: [String: String]
        let isAllowed: Bool
    }

    @Test(
        "Behind a proxy: the scheme that it names, and the host that it passes on",
        arguments: [
            Proxied(origin: "https://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "https"], isAllowed: true),
            Proxied(origin: "http://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "https"], isAllowed: false),
            Proxied(origin: "http://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "http"], isAllowed: true),
            Proxied(origin: "https://a.example:8443", fields: ["Host": "a.example:8443", "X-Forwarded-Proto": "http"], isAllowed: false),
            Proxied(origin: "https://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "http"], isAllowed: true),
            Proxied(origin: "https://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "https, http"], isAllowed: true),
            Proxied(origin: "https://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "wss"], isAllowed: true),
            Proxied(origin: "https://a.example", fields: ["Host": "a.example", "X-Forwarded-Proto": "?"], isAllowed: true),
            Proxied(
                origin: "https://a.example",
                fields: ["Host": "inner:4000", "X-Forwarded-Host": "a.example", "X-Forwarded-Proto": "https"],
                isAllowed: true
            ),
            Proxied(origin: "https://a.example", fields: ["Host": "inner:4000"], isAllowed: false),
        ]
    )
    func proxied(_ testCase: Proxied) {
        var request = HTTPRequest.example(origin: testCase.origin, host: testCase.fields["Host"])
        for (name, value) in testCase.fields where name != "Host" {
            if let name = HTTPField.Name(name) { request.headerFields[name] = value }
        }
        #expect(OriginPolicy.own.allows(request) == testCase.isAllowed)
    }

    @Test(
        "With a list: those and the own one, whatever the host",
        arguments: [
            (nil, true),
            ("https://console.example", true),
            ("https://CONSOLE.example", true),
            ("https://console.example:443", true),
            ("http://localhost:3000", true),
            ("https://edge.example", true),
            ("http://console.example", false),
            ("https://console.example:444", false),
            ("https://console.example.evil.example", false),
            ("https://sub.console.example", false),
            ("http://localhost", false),
            ("null", false),
        ] as [(String?, Bool)]
    )
    func listed(origin: String?, isAllowed: Bool) throws {
        let policy = try OriginPolicy(allowed: ["https://Console.example/", "http://localhost:3000"])
        #expect(policy.allows(.example(origin: origin, host: "edge.example")) == isAllowed)
    }

    @Test("A port that is the scheme's default may be configured", arguments: ["https://a.example:443", "https://a.example"])
    func defaultPort(entry: String) throws {
        let policy = try OriginPolicy(allowed: [entry])
        #expect(policy.allows(.example(origin: "https://a.example", host: "edge")))
        #expect(
            policy.responseFields(to: .example(origin: "https://a.example", host: "edge"))[.accessControlAllowOrigin] == "https://a.example"
        )
    }

    @Test("An asterisk allows any", arguments: ["https://evil.example", "null", "", "not an origin"])
    func any(origin: String) throws {
        #expect(try OriginPolicy(allowed: ["https://console.example", "*"]).allows(.example(origin: origin, host: "edge.example")))
    }

    @Test("Two origins are none") func twoOrigins() throws {
        var request = HTTPRequest.example(origin: "https://edge.example", host: "edge.example")
        request.headerFields[values: .origin] = ["https://edge.example", "https://edge.example"]
        #expect(!OriginPolicy.own.allows(request))
    }

    @Test("An app's own scheme has an origin too")
    func ownScheme() throws {
        let policy = try OriginPolicy(allowed: ["app://console"])
        #expect(policy.allows(.example(origin: "app://console", host: nil)))
        #expect(!policy.allows(.example(origin: "app://other", host: nil)))
    }

    @Test(
        "What no browser would send stops the start",
        arguments: [
            "", "console.example", "https://", "https://a/b", "https://*.example", "null", "https://a:b", "://a", "https://a b",
            "https://x?y",
            "https://u@x", "https://a//", "1://a", "https://[::1]x",
        ]
    )
    func invalid(entry: String) throws {
        let error = try #require(throws: OriginPolicy.InvalidOrigin.self) { try OriginPolicy(allowed: ["https://ok.example", entry]) }
        #expect(error.description.contains("\"\(entry)\"") && error.description.contains("https://console.example"))
    }
}

extension HTTPRequest {
    /// A request of a page of `origin` to `host`.
    fileprivate static func example(origin: String?, host: String?) -> HTTPRequest {
        var request = HTTPRequest(method: .get, scheme: nil, authority: host, path: "/")
        request.headerFields[.origin] = origin
        return request
    }
}
