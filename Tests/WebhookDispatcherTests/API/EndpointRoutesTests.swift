import AccessControl
import Basics
import EventLog
import EventModel
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

/// The webhook routes, against a real nats-server.
@Suite("Endpoint routes", .timeLimit(.minutes(5))) struct EndpointRoutesTests {
    private typealias View = RoutesBench.Endpoint

    /// All doors of an endpoint: method, path behind its id, a valid body.
    private static let doors: [(method: HTTPRequest.Method, path: String, body: String?)] = [
        (.get, "", nil), (.patch, "", #"{"ordered":false}"#), (.delete, "", nil), (.post, "/secret", nil), (.post, "/test", "{}"),
        (.post, "/replay", #"{"since":"2024-04-01T14:32:10Z"}"#), (.get, "/replay?since=2024-04-01T14:32:10Z", nil),
        (.post, "/resend", #"{"event":"evt_01HX9VTPQR3KF0MZWBYD5N6JCE"}"#), (.post, "/enable", nil), (.get, "/attempts", nil),
    ]

    @Test func anEndpointIsRegisteredShownAndDeleted() async throws {
        let bench = try await RoutesBench()
        let head = try await bench.publish("before")
        try await bench.run { client in
            let made = try await client.register(members: #","description":"x","user":"bob","ordered":false"#)
            #expect(made.status == 201 && made.headers[.cacheControl] == "no-store")
            let view: View = try made.decoded()
            #expect(made.headers[.location] == "/v1/webhooks/\(view.id)" && EndpointID(view.id) != nil)
            #expect(view.secret.flatMap { SigningSecret($0) } != nil)
            #expect(view.url == "https://hooks.example/a" && view.types == ["incident.*"] && view.description == "x")
            #expect(view.user == "bob" && !view.ordered && view.createdAt == RoutesBench.start.iso8601)
            #expect(Cursor(view.cursor) == head, "it gets what is stored from now on")
            let now = RoutesBench.start.iso8601
            #expect(view.state == .init(name: "pending", since: now, failures: 0, retryAt: now, reason: nil))

            var shown = view
            shown.secret = nil
            #expect(try await client.send(.get, "/v1/webhooks/\(view.id)").decoded(View.self) == shown)
            #expect(try await client.send(.get, "/v1/webhooks").decoded(RoutesBench.Page.self).items == [shown])
            #expect(try await client.send(.delete, "/v1/webhooks/\(view.id)").status == 204)
            #expect(try await client.send(.delete, "/v1/webhooks/\(view.id)").status == 404)
            #expect(try await client.send(.get, "/v1/webhooks").decoded(RoutesBench.Page.self).items == [])
        }
        withExtendedLifetime(bench) {}
    }

    /// Same bytes for an endpoint of another tenant, one that was deleted, one that never was, and a malformed id.
    @Test func anEndpointOfAnotherTenantIsAbsent() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let theirs: View = try await client.register(tenant: "globex").decoded()
            let deleted: View = try await client.register().decoded()
            #expect(try await client.send(.delete, "/v1/webhooks/\(deleted.id)").status == 204)
            let before = try await bench.endpoints.endpoints(of: "globex")
            let ids = [
                theirs.id, deleted.id, "\(EndpointID(slot: 9, time: RoutesBench.start))", "whk_1", "%20", "evt_01HX9VTPQR3KF0MZWBYD5N6JCE",
            ]
            for door in Self.doors {
                var answers: [String] = []
                for id in ids {
                    let answer = try await client.send(door.method, "/v1/webhooks/\(id)\(door.path)", door.body)
                    answers.append("\(answer.status) \(answer.body)")
                    #expect(
                        answer.status == 404 && answer.member("error") == "not_found",
                        "\(door.method) \(door.path) \(id): \(answer.body)"
                    )
                }
                #expect(Set(answers).count == 1, "\(door.method) \(door.path): \(answers)")
            }
            #expect(try await bench.endpoints.endpoints(of: "globex") == before)
            #expect(try await client.send(.get, "/v1/webhooks").body == #"{"items":[],"nextCursor":null}"#)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func onlyAdministratorsEnter() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            for roles in [[], [.member], [.producer], [.issuer]] as [Set<Role>] {
                for door in Self.doors {
                    #expect(
                        try await client.send(door.method, "/v1/webhooks/\(made.id)\(door.path)", door.body, roles: roles).status == 403
                    )
                }
                #expect(try await client.send(.post, "/v1/webhooks", "{}", roles: roles).status == 403)
                #expect(try await client.send(.get, "/v1/webhooks", roles: roles).status == 403)
            }
            #expect(try await client.send(.put, "/v1/webhooks", "{}").status == 405)
            #expect(try await client.send(.post, "/v1/webhooks/\(made.id)", "{}").status == 405)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func aRegistrationIsRepeatedByItsKey() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let first = try await client.register(key: "k")
            let again = try await client.register(key: "k")
            #expect(first.status == 201 && again.status == 201)
            #expect(try again.decoded(View.self) == first.decoded(View.self), "the same secret, too")
            #expect(try await bench.endpoints.endpoints(of: "acme").count == 1)
            let other = try await client.register("https://hooks.example/b", key: "k")
            #expect(other.status == 409 && other.member("error") == "conflict")
            let id = try first.decoded(View.self).id
            for (subject, tenant) in [("bob", "acme"), ("ann", "globex")] {
                let their: View = try await client.register(tenant: tenant, subject: subject, key: "k").decoded()
                #expect(their.id != id, "\(subject) of \(tenant) has other keys")
            }
            let rotated = try #require(try await client.register(key: "r").member("id"))
            #expect(try await client.send(.post, "/v1/webhooks/\(rotated)/secret").status == 200)
            let late = try await client.register(key: "r")
            #expect(late.status == 409 && !late.body.contains("whsec_"), "the rotated secret is in one answer")
            bench.advance(by: .seconds(86_400))
            #expect(try await client.register(key: "k").status == 409, "the secret is told for a day")
            #expect(try await client.send(.delete, "/v1/webhooks/\(id)").status == 204)
            #expect(try await client.register(key: "k").status == 201)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func concurrentRepetitionsMakeOneEndpoint() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<8 { group.addTask { try await client.register(key: "k").member("id") } }
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(ids.count == 1 && ids.first != .some(nil))
            #expect(try await bench.endpoints.endpoints(of: "acme").count == 1)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func aTenantHasALimit() async throws {
        let bench = try await RoutesBench(limit: 2)
        try await bench.run { client in
            for _ in 0..<2 { #expect(try await client.register().status == 201) }
            let refused = try await client.register()
            #expect(refused.status == 409 && refused.member("message")?.contains("2 webhook endpoints") == true)
            #expect(try await client.register(tenant: "globex").status == 201)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func theListHasPages() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            var ids: [String] = []
            for _ in 0..<5 {
                ids.append(try #require(try await client.register().member("id")))
                bench.advance(by: .seconds(1))
            }
            #expect(try await client.register(tenant: "globex").status == 201)
            var found: [String] = []
            var path: String? = "/v1/webhooks?limit=2"
            while let next = path {
                let page: RoutesBench.Page = try await client.send(.get, next).decoded()
                #expect(page.items.count <= 2 && page.items.allSatisfy { $0.secret == nil })
                found += page.items.map(\.id)
                path = page.nextCursor.map { "/v1/webhooks?limit=2&cursor=\($0)" }
            }
            #expect(found == ids)
            for query in ["limit=0", "limit=201", "limit=x", "cursor=", "cursor=x", "limit=1&limit=2"] {
                #expect(try await client.send(.get, "/v1/webhooks?\(query)").member("error") == "validation_error", "\(query)")
            }
        }
        withExtendedLifetime(bench) {}
    }

    @Test(arguments: [
        "https://127.0.0.1/", "https://10.1.2.3/", "https://[::1]/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/",
        "http://93.184.215.14/",
    ])
    func anAddressThatIsClosedIsRefused(_ url: String) async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let refused = try await client.register(url)
            #expect(refused.status == 400 && refused.member("message")?.hasPrefix("url: the host ") == true, "\(refused.body)")
            #expect(refused.body.contains("WEBHOOK_ALLOWED_NETWORKS"))
        }
        withExtendedLifetime(bench) {}
    }

    /// Which names a private network has is nothing that a tenant may learn.
    @Test func ofANameOnlyItsFitnessIsTold() async throws {
        let names = [
            "public.example": ["93.184.215.14"], "db.internal": ["10.0.0.5"], "loop.example": ["127.0.0.1"],
            "both.example": ["93.184.215.14", "10.0.0.5"],
        ]
        let bench = try await RoutesBench(names: names)
        try await bench.run { client in
            let made: View = try await client.register("https://public.example/").decoded()
            var answers: Set<String> = []
            for name in ["db.internal", "loop.example", "both.example", "absent.internal"] {
                let refused = try await client.register("https://\(name)/")
                #expect(refused.status == 400)
                answers.insert(refused.body)
                answers.insert(try await client.send(.patch, "/v1/webhooks/\(made.id)", #"{"url":"https://\#(name)/"}"#).body)
            }
            answers.insert(try await client.register("http://public.example/").body)
            #expect(answers.count == 1, "\(answers)")
            #expect(try await bench.endpoints.endpoints(of: "acme").map { "\($0.endpoint.settings.url)" } == ["https://public.example/"])
        }
        withExtendedLifetime(bench) {}
    }

    @Test func anEndpointIsChangedRotatedAndEnabled() async throws {
        let bench = try await RoutesBench()
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            let path = "/v1/webhooks/\(made.id)"
            let changed = try await client.send(.patch, path, #"{"ordered":false,"enabled":false}"#)
            #expect(changed.status == 200 && !changed.names.contains("secret"))
            #expect(try changed.decoded(View.self).state == .init(name: "disabled", since: RoutesBench.start.iso8601, reason: "requested"))
            let enabled: View = try await client.send(.post, "\(path)/enable").decoded()
            #expect(enabled.state.name == "pending" && !enabled.ordered && enabled.secret == nil)

            let rotated = try await client.send(.post, "\(path)/secret", "{}")
            #expect(rotated.status == 200 && rotated.headers[.cacheControl] == "no-store")
            #expect(rotated.member("secret") != made.secret)
            let id = try #require(EndpointID(made.id))
            let stored = try #require(try await bench.endpoints.endpoint(id, of: "acme")).endpoint
            #expect(stored.secrets.current.revealed == rotated.member("secret"))
            #expect(stored.secrets.former.map(\.secret.revealed) == [made.secret])
            for action in ["secret", "enable", "test"] {
                #expect(
                    try await client.send(.post, "\(path)/\(action)", #"{"x":1}"#).member("message")?.hasPrefix("x: ") == true,
                    "\(action)"
                )
            }
            #expect(try await client.send(.patch, path, "{").status == 400)
            #expect(try await client.send(.patch, path, "a", headers: [.contentType: "text/plain"]).status == 415)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func aReplaySetsTheCursorBackAndNeverForward() async throws {
        let bench = try await RoutesBench()
        var events: [Cursor] = []
        for number in 1...3 { events.append(try await bench.publish("e\(number)")) }
        let before = Timestamp.now
        #expect(await eventually { before < .now })
        let mark = Timestamp.now
        for number in 4...5 { events.append(try await bench.publish("e\(number)")) }
        let cursors = events
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            #expect(Cursor(made.cursor) == cursors[4])
            let path = "/v1/webhooks/\(made.id)/replay"
            func replayed(_ body: String) async throws -> UInt64? {
                Cursor(try await client.send(.post, path, body).decoded(View.self).cursor)?.sequence
            }
            #expect(try await replayed(#"{"since":"\#(mark.iso8601)"}"#) == 3, "the fourth event is stored after the mark")
            #expect(try await replayed(#"{"from":"\#(cursors[4].text)"}"#) == 3, "never forward")
            #expect(try await replayed(#"{"from":"\#(cursors[1].text)"}"#) == 1, "the second event is delivered again")
            #expect(try await replayed(#"{"since":"2001-01-01T00:00:00Z"}"#) == 0)
            let future = Cursor(time: RoutesBench.start, epoch: cursors[0].epoch, sequence: 6).text
            let foreign = Cursor(time: RoutesBench.start, epoch: cursors[0].epoch &+ 1, sequence: 1).text
            for body in [#"{"from":"\#(future)"}"#, #"{"from":"\#(foreign)"}"#, #"{"since":"2999-01-01T00:00:00Z"}"#] {
                let refused = try await client.send(.post, path, body)
                #expect(refused.status == 400 && refused.member("error") == "validation_error", "\(refused.body)")
            }
        }
        withExtendedLifetime(bench) {}
    }

    @Test func aTestIsSentAtOnceAndChangesNothing() async throws {
        // The receiver listens on one of them.
        let addresses = ["127.0.0.1", "::1"]
        let bench = try await RoutesBench(allowed: addresses, names: ["receiver.example": addresses])
        let received = ReceivedHooks()
        let receiver = received.router
        try await Application(router: receiver, logger: BusBench.logger).test(.live) { server in
            let port = try #require(server.port)
            try await bench.run { client in
                let made: View = try await client.register("http://receiver.example:\(port)/hook").decoded()
                let path = "/v1/webhooks/\(made.id)"
                let first: RoutesBench.Result = try await client.send(.post, "\(path)/test").decoded()
                #expect(first.delivered && first.attempt.status == 200 && first.attempt.answer == "seen")
                #expect(first.attempt.type == "webhook.ping" && first.attempt.startedAt == RoutesBench.start.iso8601)
                let request = try #require(received.all.withLock { $0.first })
                #expect(
                    request.body
                        == #"{"type":"webhook.ping","timestamp":"\#(RoutesBench.start.iso8601)","data":{"endpointId":"\#(made.id)"}}"#
                )
                func field(_ name: String) -> String? { HTTPField.Name(name).flatMap { request.fields[$0] } }
                let id = try #require(field("webhook-id"))
                #expect(id == first.attempt.id && Cursor(id) != nil)
                let seconds = RoutesBench.start.millisecondsSinceEpoch / 1000
                let secret = try #require(made.secret.flatMap { SigningSecret($0) })
                #expect(field("webhook-timestamp") == "\(seconds)")
                #expect(field("webhook-signature") == secret.signature(id: id, timestamp: seconds, body: Array(request.body.utf8)))

                bench.advance(by: .seconds(1))
                let second: RoutesBench.Result = try await client.send(.post, "\(path)/test", "{}").decoded()
                #expect(!second.delivered && second.attempt.status == 410 && second.attempt.id != id)
                var shown = made
                shown.secret = nil
                #expect(try await client.send(.get, path).decoded(View.self) == shown, "neither state nor cursor changed")
                let attempts: RoutesBench.Attempts = try await client.send(.get, "\(path)/attempts").decoded()
                #expect(attempts.attempts == [second.attempt, first.attempt], "newest first")
            }
        }
        withExtendedLifetime(bench) {}
    }

    @Test func aTestThatReachesNobodySaysWhy() async throws {
        let bench = try await RoutesBench()
        let id = try await bench.closedEndpoint(of: "acme")
        try await bench.run { client in
            let path = "/v1/webhooks/\(id)/test"
            let answer = try await client.send(.post, path)
            #expect(answer.status == 200 && answer.body.contains(#""delivered":false"#) && answer.body.contains(#""error":"refused""#))
            #expect(answer.body.contains("a private address") && !answer.body.contains("10.0.0.1"))
        }
        withExtendedLifetime(bench) {}
    }

    @Test func testsOfATenantHaveAShare() async throws {
        let tests = TenantRateLimiter(perSecond: 1, burst: 2, now: { .zero })
        let bench = try await RoutesBench()
        try await bench.run(shares: EndpointShares(pings: TenantRateLimiter(perSecond: 1, burst: 1), tests: tests)) { client in
            for (tenant, statuses) in [("acme", [200, 200, 429]), ("globex", [200])] {
                let id = try await bench.closedEndpoint(of: Tenant(tenant))
                for status in statuses {
                    let answer = try await client.send(.post, "/v1/webhooks/\(id)/test", tenant: tenant)
                    #expect(answer.status == status && (status == 429) == (answer.headers[.retryAfter] == "1"))
                }
            }
        }
        withExtendedLifetime(bench) {}
    }

    /// A registration, another URL, and both ways to enable an endpoint make a ping due; the receiver may have agreed to none.
    @Test func pingsThatRequestsMakeDueHaveAShare() async throws {
        let pings = TenantRateLimiter(perSecond: 1, burst: 4, now: { .zero })
        let bench = try await RoutesBench()
        try await bench.run(shares: EndpointShares(pings: pings, tests: TenantRateLimiter(perSecond: 1, burst: 1))) { client in
            let made: View = try await client.register().decoded()
            let path = "/v1/webhooks/\(made.id)"
            func change(_ body: String) async throws -> Int {
                bench.advance(by: .seconds(1))
                return try await client.send(.patch, path, body).status
            }
            func enable() async throws -> RoutesBench.Answer {
                bench.advance(by: .seconds(1))
                return try await client.send(.post, "\(path)/enable")
            }
            #expect(try await enable().status == 200)
            #expect(try await change(#"{"url":"https://other.example/"}"#) == 200)
            #expect(try await change(#"{"enabled":false}"#) == 200)
            #expect(try await change(#"{"enabled":true}"#) == 200)
            // The share is used up.
            let refused = try await enable()
            #expect(refused.status == 429 && refused.headers[.retryAfter] == "1" && refused.member("error") == "rate_limited")
            #expect(try await client.register().status == 429)
            #expect(try await change(#"{"url":"https://hooks.example/c"}"#) == 429)
            // What makes no ping due takes nothing, nor does what another tenant does.
            #expect(try await change(#"{"ordered":false,"enabled":true}"#) == 200)
            #expect(try await change(#"{"enabled":false}"#) == 200)
            #expect(try await change(#"{"enabled":true}"#) == 429)
            #expect(try await change(#"{"url":"https://hooks.example/c"}"#) == 200, "a disabled endpoint gets no ping")
            #expect(try await client.send(.get, path).decoded(View.self).state.name == "disabled")
            #expect(try await client.register(tenant: "globex").status == 201)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func beforeTheLogIsOpenEveryDoorAnswers503() async throws {
        let bench = try await RoutesBench(isOpen: false)
        try await bench.run { client in
            for door in Self.doors {
                let answer = try await client.send(door.method, "/v1/webhooks/whk_01HX9VTPQR3KF8MZWBYD5N6JCE\(door.path)", door.body)
                #expect(answer.status == 503 && answer.headers[.retryAfter] == "1", "\(door)")
            }
            #expect(try await client.register().status == 503)
            #expect(try await client.send(.get, "/v1/webhooks").status == 503)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func requestsAreLimitedByTenant() async throws {
        let bench = try await RoutesBench()
        try await bench.run(limit: RateLimit(perMinute: 1, burst: 2)) { client in
            for status in [200, 200, 429] {
                let answer = try await client.send(.get, "/v1/webhooks")
                #expect(answer.status == status && answer.headers[.retryAfter].map { _ in 429 } ?? 200 == status)
            }
            #expect(try await client.send(.get, "/v1/webhooks", tenant: "globex").status == 200)
        }
        withExtendedLifetime(bench) {}
    }
}
