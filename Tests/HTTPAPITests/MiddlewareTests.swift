import AccessControl
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import TestKit
import Testing

@Suite("Request id")
struct RequestIDTests {
    @Test("A sane id of the client's is kept", arguments: ["a", "0192-ab_c.D", String(repeating: "x", count: 128)])
    func kept(_ id: String) async throws {
        try await SampleService.test { client, lines in
            let response = try await client.execute(uri: "/open", method: .get, headers: [.requestID: id])
            #expect(response.headers[values: .requestID] == [id])
            #expect(response.text == id)
            #expect(lines.named("Request").first?["hb.request.id"] == id)
        }
    }

    @Test("Any other id is replaced", arguments: [[], [""], ["a b"], ["a/b"], ["é"], ["a", "b"], [String(repeating: "x", count: 129)]])
    func replaced(_ ids: [String]) async throws {
        try await SampleService.test { client, _ in
            var headers = HTTPFields()
            headers[values: .requestID] = ids
            let first = try await client.execute(uri: "/open", method: .get, headers: headers)
            let second = try await client.execute(uri: "/open", method: .get, headers: headers)
            let id = try #require(first.headers[.requestID])
            #expect(id.wholeMatch(of: /req_[0-9A-HJKMNP-TV-Z]{26}/) != nil)
            #expect(first.text == id)
            #expect(second.headers[.requestID] != id)
        }
    }
}

@Suite("Trace context")
struct TraceContextTests {
    private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"

    @Test("A request's trace is in its line", arguments: ["01", "00"])
    func logged(_ flags: String) async throws {
        try await SampleService.test { client, lines in
            _ = try await client.execute(uri: "/open", method: .get, headers: [.traceParent: Self.trace + flags])
            let line = try #require(lines.named("Request").first)
            #expect(line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(line.level == .info)
        }
    }

    @Test(
        "One that is malformed or there twice is ignored and not shown",
        arguments: [[], ["shown-nowhere"], [trace + "01", trace + "01"]]
    )
    func ignored(_ values: [String]) async throws {
        try await SampleService.test { client, lines in
            var headers = HTTPFields()
            headers[values: .traceParent] = values
            let response = try await client.execute(uri: "/open", method: .get, headers: headers)
            #expect(response.status == .ok)
            #expect(lines.named("Request").count == 1 && lines.named("Request").first?.level == .info)
            #expect(lines.all.allSatisfy { !$0.text.contains("4bf92f") && !$0.text.contains("shown-nowhere") })
        }
    }
}

@Suite("Request counts")
struct RequestCountsTests {
    @Test("A request is counted under its route's pattern, its method and its status")
    func counted() async throws {
        let counts = RequestCounts()
        let token = try await SampleService.token()
        try await SampleService.test(counts: counts) { client, _ in
            let headers: HTTPFields = [.authorization: "Bearer \(token)"]
            _ = try await client.execute(uri: "/items/one", method: .get, headers: headers)
            _ = try await client.execute(uri: "/items/two?a=b", method: .get, headers: headers)
            _ = try await client.execute(uri: "/items/one", method: .post, headers: headers)
            _ = try await client.execute(uri: "/items/one", method: .delete)
            _ = try await client.execute(uri: "/any", method: .get)
            _ = try await client.execute(uri: "/unforeseen", method: .get)
            for path in ["/nothing", "/nothing/\(token)"] { _ = try await client.execute(uri: path, method: .get) }
            let method = try #require(HTTPRequest.Method("FETCH"))
            _ = try await client.execute(uri: "/open", method: method)
        }
        let expected: [RequestCounts.Key: Int] = [
            .init(route: "/items/{id}", method: "GET", status: 200): 2,
            .init(route: "/items/{id}", method: "POST", status: 403): 1,
            .init(route: "/items/{id}", method: "DELETE", status: 405): 1,
            .init(route: "/any", method: "GET", status: 401): 1,
            .init(route: "/unforeseen", method: "GET", status: 500): 1,
            .init(route: "none", method: "GET", status: 404): 2,
            .init(route: "none", method: "other", status: 404): 1,
        ]
        #expect(counts.all == expected)
    }
}

@Suite("Access log")
struct AccessLogTests {
    @Test(
        "Every request has its line at the default level",
        arguments: [("/open", 200), ("/nothing", 404), ("/any", 401), ("/unforeseen", 500)]
    )
    func levels(_ path: String, _ status: Int) async throws {
        try await SampleService.test { client, lines in
            _ = try await client.execute(uri: path, method: .get)
            let line = try #require(lines.named("Request").first)
            #expect(lines.named("Request").count == 1)
            #expect(line.level == .info)
            #expect(line["http.method"] == "GET")
            #expect(line["http.target"] == path)
            #expect(line["http.status"] == "\(status)")
            #expect(line["http.duration_ms"].flatMap(Double.init).map { $0 >= 0 } == true)
        }
    }

    @Test("The line says who asked, once that is known")
    func whoAsked() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, lines in
            _ = try await client.execute(uri: "/any", method: .get, headers: [.authorization: "Bearer \(token)"])
            _ = try await client.execute(uri: "/any", method: .get)
            let requests = lines.named("Request")
            #expect(requests.map { $0["tenant"] } == ["acme", nil])
            #expect(requests.map { $0["user"] } == ["u-1", nil])
        }
    }

    @Test(
        "No token is ever logged",
        arguments: [
            "/browser?token=", "/browser?%74oken=", "/browser?a=1&tok%65n=", "/any?access_token=", "/any?tokn=", "/nothing/",
            "/query?a=%zz&token=",
        ]
    )
    func redaction(_ target: String) async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, lines in
            _ = try await client.execute(uri: target + token, method: .get, headers: [.authorization: "Bearer \(token)x"])
            #expect(lines.named("Request").first?["http.target"]?.contains("<redacted>") == true)
            for line in lines.all {
                for part in token.split(separator: ".") { #expect(!line.text.contains(part)) }
            }
        }
    }
}

@Suite("Authentication")
struct AuthenticationTests {
    @Test func theHeaderIsAccepted() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/any", method: .get, headers: [.authorization: "Bearer \(token)"])
            #expect(response.status == .ok)
            #expect(response.text == "u-1")
        }
    }

    @Test func theQueryIsAcceptedWhereItMayBe() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, _ in
            for query in ["token=\(token)", "%74oken=\(token)", "bad=%zz&token=\(token)"] {
                let response = try await client.execute(uri: "/browser?\(query)", method: .get)
                #expect(response.text == "acme")
            }
            for target in ["/any?token=\(token)", "/browser?token=\(token)&token=\(token)", "/browser?Token=\(token)"] {
                let response = try await client.execute(uri: target, method: .get)
                #expect(response.isError(.unauthorized))
            }
        }
    }

    @Test func aTicketIsRefusedWhereNoStreamOpensAndBesideAToken() async throws {
        let token = try await SampleService.token()
        let ticket = Ticket.generate().text
        try await SampleService.test { client, lines in
            for target in ["/any?ticket=\(ticket)", "/any?%74icket=", "/browser?ticket=\(ticket)"] {
                let response = try await client.execute(uri: target, method: .get, headers: [.authorization: "Bearer \(token)"])
                #expect(response.isError(.unauthorized) && response.text.contains("ticket") && !response.text.contains(ticket))
            }
            for query in ["ticket=\(ticket)", "ticket=\(ticket)&token=\(token)", "ticket=\(ticket)&ticket=\(ticket)"] {
                let response = try await client.execute(uri: "/browser?\(query)", method: .get)
                #expect(response.isError(.unauthorized) && response.text.contains("ticket") && !response.text.contains(ticket))
            }
            for line in lines.all { #expect(!line.text.contains(ticket.dropFirst(4))) }
        }
    }

    @Test func theHeaderWinsEvenIfItIsWrong() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, _ in
            for wrong in ["Bearer x.y.z", "Bearer", "Basic dTpw", ""] {
                let response = try await client.execute(uri: "/browser?token=\(token)", method: .get, headers: [.authorization: wrong])
                #expect(response.isError(.unauthorized))
            }
            let right = try await client.execute(uri: "/browser?token=x.y.z", method: .get, headers: [.authorization: "bearer \(token)"])
            #expect(right.status == .ok)
        }
    }

    @Test func refusalsSayWhy() async throws {
        let expired = try await SampleService.token(expiresIn: 0)
        try await SampleService.test { client, lines in
            let missing = try await client.execute(uri: "/any", method: .get)
            #expect(missing.isError(.unauthorized) && missing.text.contains("A token is needed"))
            #expect(missing.headers[.wwwAuthenticate] == "Bearer")
            let late = try await client.execute(uri: "/any", method: .get, headers: [.authorization: "Bearer \(expired)"])
            #expect(late.isError(.unauthorized) && late.text.contains("expired"))
            #expect(lines.named("Token refused").map { $0["auth.reason"] } == ["missing", "expired"])
        }
    }

    struct RoleCase: Sendable {
        let roles: Set<Role>
        let method: HTTPRequest.Method
        let status: Int
    }

    @Test(arguments: [
        RoleCase(roles: [.admin], method: .get, status: 200), RoleCase(roles: [.member], method: .get, status: 200),
        RoleCase(roles: [.producer], method: .get, status: 403), RoleCase(roles: [], method: .get, status: 403),
        RoleCase(roles: [.admin], method: .post, status: 200), RoleCase(roles: [.member], method: .post, status: 403),
    ])
    func roles(_ testCase: RoleCase) async throws {
        let token = try await SampleService.token(testCase.roles)
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/items/7", method: testCase.method, headers: [.authorization: "Bearer \(token)"])
            #expect(response.status.code == testCase.status)
            if testCase.status == 403 { #expect(response.isError(.forbidden) && response.text.contains("role admin")) }
        }
    }

    @Test func aRouteThatForgotItsMiddlewareIsClosed() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/forgotten", method: .get, headers: [.authorization: "Bearer \(token)"])
            #expect(response.isError(.unauthorized))
        }
    }

    @Test func keysThatAreOutOfReachAreNotTheClientsFault() async throws {
        var configuration = AccessControlConfiguration()
        // Nothing listens there: the port is reserved (RFC 6335 §6).
        configuration.jwksURL = "http://127.0.0.1:0/jwks.json"
        let authenticator = try await Authenticator(
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let router = Router.api()
        router.authenticated(by: authenticator).get("x") { _, _ in "" }
        try await Application(router: router).test(.router) { client in
            let token = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"
            let response = try await client.execute(uri: "/x", method: .get, headers: [.authorization: "Bearer \(token)"])
            #expect(response.isError(.serviceUnavailable))
            #expect(response.headers[.retryAfter] == "5")
        }
    }
}
