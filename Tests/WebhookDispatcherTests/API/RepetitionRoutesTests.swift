import AccessControl
import Basics
import EventModel
import HTTPAPI
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

/// Events that are sent again, against a real nats-server.
@Suite("Repetition routes", .timeLimit(.minutes(5))) struct RepetitionRoutesTests {
    private typealias View = RoutesBench.Endpoint

    private struct Preview: Decodable, Equatable {
        var from: String
        var to: String
        var events: Int
        var more: Bool
    }

    @Test func aReplayIsCountedBeforeAndToldAfterwards() async throws {
        let bench = try await RoutesBench()
        var events: [Cursor] = []
        for number in 1...5 { events.append(try await bench.publish("e\(number)")) }
        try await bench.publish("theirs", tenant: "globex")
        try await bench.publish("other", type: "job.started")
        try await bench.publish("private", user: "bob")
        let cursors = events
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            let path = "/v1/webhooks/\(made.id)/replay"
            #expect(made.replay == nil && Cursor(made.cursor)?.sequence == 8)
            let counted: Preview = try await client.send(.get, "\(path)?from=\(cursors[1].text)").decoded()
            #expect(counted == Preview(from: cursors[0].text, to: made.cursor, events: 4, more: false), "the endpoint gets four of seven")
            #expect(try await client.send(.get, "\(path)?since=2001-01-01T00:00:00Z").decoded(Preview.self).events == 5)
            var shown = made
            shown.secret = nil
            #expect(try await client.send(.get, "/v1/webhooks/\(made.id)").decoded(View.self) == shown, "nothing has changed")

            let replayed: View = try await client.send(.post, path, #"{"from":"\#(cursors[1].text)"}"#).decoded()
            let replay = try #require(replayed.replay)
            #expect(replay == .init(requestedAt: RoutesBench.start.iso8601, from: replayed.cursor, to: made.cursor))
            #expect(Cursor(replay.from)?.sequence == 1)
            #expect(try await client.send(.get, "/v1/webhooks/\(made.id)").decoded(View.self) == replayed)

            for query in [
                "", "from=evt_1", "since=yesterday", "since=2999-01-01T00:00:00Z", "from=\(made.cursor)&since=2001-01-01T00:00:00Z",
            ] {
                #expect(try await client.send(.get, "\(path)?\(query)").member("error") == "validation_error", "\(query)")
            }
        }
        withExtendedLifetime(bench) {}
    }

    /// A log that was restored from an older copy has other events at the sequences of its end: behind the gap comes all that the endpoint has not taken, and
    /// a place in the present log may be ahead of that.
    @Test func aLostCursorIsNotSetBack() async throws {
        let bench = try await RoutesBench()
        var events: [Cursor] = []
        for number in 1...5 { events.append(try await bench.publish("e\(number)")) }
        let (from, last) = (events[1], events[4])
        let lost = Cursor(time: last.time.advanced(by: .seconds(-1)), epoch: last.epoch, sequence: last.sequence - 1)
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            let path = "/v1/webhooks/\(made.id)/replay"
            try await bench.change(made.id) { $0.cursor = lost }
            #expect(try await client.send(.get, "\(path)?from=\(from.text)").decoded(Preview.self).events == 0)
            let replayed: View = try await client.send(.post, path, #"{"from":"\#(from.text)"}"#).decoded()
            #expect(replayed.cursor == lost.text && replayed.replay == nil)
            // Nor is there an event with such an id.
            #expect(try await client.send(.post, path, #"{"from":"\#(lost.text)"}"#).member("error") == "validation_error")
            try await bench.change(made.id) { $0.cursor = last }
            #expect(try await client.send(.post, path, #"{"from":"\#(from.text)"}"#).decoded(View.self).replay != nil)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func replaysAndTheirPreviewsHaveAShare() async throws {
        let limiter = TenantRateLimiter(perSecond: 1, burst: 2, now: { .zero })
        let bench = try await RoutesBench()
        let shares = EndpointShares(pings: limiter, tests: limiter, replays: TenantRateLimiter(perSecond: 1, burst: 2, now: { .zero }))
        let id = try await bench.closedEndpoint(of: "acme")
        let path = "/v1/webhooks/\(id)/replay"
        try await bench.run(shares: shares) { client in
            for status in [200, 429] {
                let preview = try await client.send(.get, "\(path)?since=2001-01-01T00:00:00Z")
                let replay = try await client.send(.post, path, #"{"since":"2001-01-01T00:00:00Z"}"#)
                for answer in [preview, replay] {
                    #expect(answer.status == status && (status == 429) == (answer.headers[.retryAfter] == "1"))
                }
            }
        }
        withExtendedLifetime(bench) {}
    }

    @Test func anEventIsSentAgainAsItWasAndChangesNothing() async throws {
        // The receiver listens on one of them.
        let addresses = ["127.0.0.1", "::1"]
        let bench = try await RoutesBench(allowed: addresses, names: ["receiver.example": addresses])
        let received = ReceivedHooks()
        let receiver = received.router
        let event = try await bench.publish("e1")
        try await Application(router: receiver, logger: BusBench.logger).test(.live) { server in
            let port = try #require(server.port)
            try await bench.run { client in
                let made: View = try await client.register("http://receiver.example:\(port)/hook").decoded()
                try await bench.change(made.id) { $0.state = .enabled }
                let path = "/v1/webhooks/\(made.id)"
                let before: View = try await client.send(.get, path).decoded()
                let body = #"{"event":"\#(event.text)"}"#
                let first: RoutesBench.Result = try await client.send(.post, "\(path)/resend", body).decoded()
                #expect(first.delivered && first.attempt.status == 200 && first.attempt.answer == "seen")
                #expect(first.attempt.id == event.text && first.attempt.type == "incident.created")
                let request = try #require(received.all.withLock { $0.first })
                let time = RoutesBench.start.iso8601
                #expect(request.body == #"{"type":"incident.created","timestamp":"\#(time)","data":{"incidentId":"i"}}"#)
                #expect(HTTPField.Name("webhook-id").flatMap { request.fields[$0] } == event.text)

                bench.advance(by: .seconds(1))
                let second: RoutesBench.Result = try await client.send(.post, "\(path)/resend", body).decoded()
                #expect(!second.delivered && second.attempt.status == 410)
                #expect(try await client.send(.get, path).decoded(View.self) == before, "neither state nor cursor changed")
                let attempts: RoutesBench.Attempts = try await client.send(.get, "\(path)/attempts").decoded()
                #expect(attempts.attempts == [second.attempt, first.attempt], "both are in the journal")
            }
        }
        withExtendedLifetime(bench) {}
    }

    @Test func anEventThatTheEndpointDoesNotGetIsAnsweredAsAnAbsentOne() async throws {
        let bench = try await RoutesBench()
        let theirs = try await bench.publish("theirs", tenant: "globex")
        let other = try await bench.publish("other", type: "job.started")
        let personal = try await bench.publish("private", user: "bob")
        let own = try await bench.publish("own")
        let absent = Cursor(time: RoutesBench.start.advanced(by: .seconds(-1)), epoch: own.epoch, sequence: own.sequence)
        let foreign = Cursor(time: RoutesBench.start, epoch: own.epoch &+ 1, sequence: 1)
        try await bench.run { client in
            let made: View = try await client.register().decoded()
            try await bench.change(made.id) { $0.state = .enabled }
            var answers: Set<String> = []
            for id in [theirs, other, personal, absent, foreign] {
                let answer = try await client.send(.post, "/v1/webhooks/\(made.id)/resend", #"{"event":"\#(id.text)"}"#)
                #expect(answer.status == 404 && answer.member("error") == "not_found", "\(answer.body)")
                answers.insert(answer.body)
            }
            #expect(answers.count == 1, "\(answers)")
        }
        withExtendedLifetime(bench) {}
    }

    @Test func anEventIsSentAgainOnlyToAnEndpointWhoseTurnItHasBeen() async throws {
        let bench = try await RoutesBench()
        let id = "\(try await bench.closedEndpoint(of: "acme"))"
        let event = try await bench.publish("e1")
        try await bench.run { client in
            func status(_ id: String, _ sequence: UInt64 = event.sequence) async throws -> Int {
                let place = Cursor(time: event.time, epoch: event.epoch, sequence: sequence)
                return try await client.send(.post, "/v1/webhooks/\(id)/resend", #"{"event":"\#(place.text)"}"#).status
            }
            #expect(try await status(id) == 409, "it is pending")
            try await bench.change(id) { $0.state = .disabled(.requested, at: RoutesBench.start) }
            #expect(try await status(id) == 409)
            try await bench.change(id) { $0.state = .enabled }
            #expect(try await status(id) == 409, "it is ordered, and gets the event in its turn")
            #expect(try await status(id, 1000) == 409, "whatever is there")
            try await bench.change(id) { $0.cursor = event }
            #expect(try await status(id) == 200)
            try await bench.change(id) {
                $0.cursor = event.previous
                $0.settings.isOrdered = false
            }
            #expect(try await status(id) == 200, "without an order")
            #expect(try await status(id, 1000) == 404)
        }
        withExtendedLifetime(bench) {}
    }

    @Test func eventsThatAreSentAgainShareWithTests() async throws {
        let tests = TenantRateLimiter(perSecond: 1, burst: 2, now: { .zero })
        let bench = try await RoutesBench()
        let id = "\(try await bench.closedEndpoint(of: "acme"))"
        let event = try await bench.publish("e1")
        try await bench.change(id) {
            $0.state = .enabled
            $0.cursor = event
        }
        try await bench.run(shares: EndpointShares(pings: tests, tests: tests)) { client in
            #expect(try await client.send(.post, "/v1/webhooks/\(id)/test").status == 200)
            for status in [200, 429] {
                let answer = try await client.send(.post, "/v1/webhooks/\(id)/resend", #"{"event":"\#(event.text)"}"#)
                #expect(answer.status == status && (status == 429) == (answer.headers[.retryAfter] == "1"), "\(answer.body)")
            }
        }
        withExtendedLifetime(bench) {}
    }
}
