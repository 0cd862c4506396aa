import Testing

@testable import EdgeRuntime

@Suite("Origins of WebSockets")
struct OriginPolicyTests {
    @Test(
        "without configuration: pages of the same host, and whatever is no browser",
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
            ("https://", "", false),
            ("https://edge.example/", "edge.example", false),
            ("https://user@edge.example", "edge.example", false),
            ("https://edge.example, https://evil.example", "edge.example", false),
            ("https://edge.example:99999", "edge.example:99999", false),
            ("https://edge.example:", "edge.example", false),
            ("https://[::1", "[::1", false),
        ] as [(String?, String?, Bool)]
    )
    func sameHost(origin: String?, host: String?, isAllowed: Bool) throws {
        #expect(OriginPolicy.sameHost.allows(origin: origin, host: host) == isAllowed)
        #expect(try OriginPolicy(allowed: []).allows(origin: origin, host: host) == isAllowed)
    }

    @Test(
        "with a list: exactly those, whatever the host",
        arguments: [
            (nil, true),
            ("https://console.example", true),
            ("https://CONSOLE.example", true),
            ("https://console.example:443", true),
            ("http://localhost:3000", true),
            ("http://console.example", false),
            ("https://console.example:444", false),
            ("https://console.example.evil.example", false),
            ("https://sub.console.example", false),
            ("https://edge.example", false),
            ("http://localhost", false),
            ("null", false),
        ] as [(String?, Bool)]
    )
    func listed(origin: String?, isAllowed: Bool) throws {
        let policy = try OriginPolicy(allowed: ["https://Console.example", "http://localhost:3000"])
        #expect(policy.allows(origin: origin, host: "edge.example") == isAllowed)
    }

    @Test("a star allows any", arguments: ["https://evil.example", "null", "", "not an origin"])
    func any(origin: String) throws {
        #expect(try OriginPolicy(allowed: ["https://console.example", "*"]).allows(origin: origin, host: "edge.example"))
    }

    @Test("an app's own scheme has an origin too")
    func ownScheme() throws {
        let policy = try OriginPolicy(allowed: ["app://console"])
        #expect(policy.allows(origin: "app://console", host: nil))
        #expect(!policy.allows(origin: "app://other", host: nil))
    }

    @Test(
        "what no browser would send stops the start",
        arguments: ["", "console.example", "https://", "https://a/b", "https://*.example", "null", "https://a:b", "://a", "https://a b"]
    )
    func invalid(entry: String) throws {
        let error = try #require(throws: OriginPolicy.InvalidOrigin.self) { try OriginPolicy(allowed: [entry]) }
        #expect(error.description.contains("https://console.example"))
    }
}
