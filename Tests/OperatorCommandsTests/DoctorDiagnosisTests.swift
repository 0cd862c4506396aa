import Basics
import EventModel
import HTTPAPI
import HTTPTypes
import Testing

@testable import OperatorCommands

/// Observations in, findings out.
@Suite struct DoctorDiagnosisTests {
    private static let now = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)

    /// What is seen of a healthy stack behind TLS.
    private static func healthy(_ url: String = "https://events.example.com", watched: Duration = .seconds(35)) throws -> Observations {
        var token = TokenFacts()
        (token.isReadable, token.expiresAt) = (true, 1_700_003_600)
        var seen = Observations(target: try Target(url), watched: watched, token: token, reach: .reached(alpn: "h2"))
        let head: HTTPFields = [.contentType: "text/event-stream", .server: "nginx"]
        var answer = Answer(status: 200, fields: head, took: .milliseconds(5))
        answer.fields[.requestID] = "doctor_1"
        answer.clockLead = .milliseconds(300)
        var stream = StreamObservation(attempt: .answered(answer))
        (stream.opening, stream.isUnderstood, stream.pings, stream.pingsAtOnce) = (.zero, true, 1, 1)
        seen.stream = stream
        seen.compression = stream
        stream.gap = "unknown_cursor"
        (seen.query, seen.resume) = (stream, stream)
        let upgraded: HTTPFields = [.upgrade: "websocket", .connection: "upgrade", .secWebSocketProtocol: "causeway.v1"]
        var socket = WebSocketObservation(attempt: .answered(Answer(status: 101, fields: upgraded)))
        (socket.messages, socket.clockLead) = (3, .milliseconds(-20))
        (seen.workspace, seen.relay, seen.page) = (socket, socket, socket)
        return seen
    }

    private static func findings(_ seen: Observations) -> [Finding] { Diagnosis(seen: seen, now: now).findings }

    /// One change, and what becomes of the checks.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let verdict: Finding.Verdict
        let check: Finding.Check
        let remedy: Remedy?
        let change: @Sendable (inout Observations) -> Void

        init(
            _ words: String,
            _ verdict: Finding.Verdict,
            _ check: Finding.Check,
            _ remedy: Remedy? = nil,
            _ change: @escaping @Sendable (inout Observations) -> Void
        ) {
            testDescription = words
            (self.verdict, self.check, self.remedy, self.change) = (verdict, check, remedy, change)
        }
    }

    @Test func aHealthyStackGetsACleanBill() throws {
        let findings = Self.findings(try Self.healthy())
        #expect(findings.allSatisfy { $0.verdict == .ok && $0.remedy == nil })
        // All but what is asked on behalf of pages of another origin.
        #expect(Set(findings.map(\.check)) == Set(Finding.Check.allCases).subtracting([.crossOrigin]))
    }

    private static let streams: [Case] = [
        Case("its opening did not arrive within 35 s", .fault, .buffering, .buffering) { $0.stream?.opening = nil },
        Case("came 4.0 s after the head", .fault, .buffering, .buffering) { $0.stream?.opening = .seconds(4) },
        Case("3 pings came at once", .fault, .buffering, .buffering) { $0.stream?.pingsAtOnce = 3 },
        Case("the opening came 2.0 s", .ok, .buffering) {
            $0.stream?.opening = .seconds(2); $0.stream?.pingsAtOnce = 2
        },
        Case("though HEAD is answered", .fault, .buffering, .buffering) {
            $0.stream?.attempt = .silent(for: .seconds(10))
            $0.head = .answered(Answer(status: 200))
        },
        Case("though the connection was accepted", .fault, .stream, .gateway) { $0.stream?.attempt = .silent(for: .seconds(10)) },
        Case("nginx (by its own account) cut the stream silently after 20 s", .fault, .idle, .idle) {
            $0.stream?.ending = .closed(silence: .seconds(20), abrupt: false)
        },
        Case("an unnamed hop on the way cut the stream abruptly", .fault, .idle, .idle) {
            $0.stream?.ending = .closed(silence: .seconds(20), abrupt: true)
            for path in [\Observations.stream, \.query, \.resume, \.compression] { $0[keyPath: path]?.attempt.removeServer() }
        },
        Case("because the token expired", .ok, .idle) {
            $0.stream?.goodbye = "token_expired"
            $0.stream?.ending = .closed(silence: .zero, abrupt: false)
        },
        Case("that edge is being stopped", .advice, .idle) { $0.stream?.goodbye = "draining" },
        Case("no ping came", .advice, .idle) { $0.stream?.pings = 0 },
        Case("no edge is behind the proxy", .fault, .stream, .gateway) { $0.stream?.goodbye = "unavailable" },
        Case("MAX_CONNECTIONS", .fault, .stream) { $0.stream?.goodbye = "limit" },
        Case("Authorization does not arrive", .fault, .authorization, .authorization) {
            $0.streamByQuery = $0.stream
            $0.stream?.attempt = .answered(Answer(status: 401))
            $0.streamRepetitions = [Repetition(refused: 8), Repetition(accepted: 8)]
        },
        Case("some replicas accept the token and others do not: 7 of 16", .fault, .stream, .replicas) {
            $0.streamByQuery = $0.stream
            $0.stream?.attempt = .answered(Answer(status: 401))
            $0.streamRepetitions = [Repetition(accepted: 4, refused: 4), Repetition(accepted: 3, refused: 5)]
        },
        Case("some replicas accept the token and others do not: 1 of 8", .fault, .stream, .replicas) {
            $0.stream = .init(attempt: .answered(Answer(status: 401)))
            $0.streamByQuery = $0.stream
            $0.streamRepetitions = [Repetition(accepted: 1, refused: 7), Repetition(refused: 8)]
        },
        Case("some replicas accept the token", .fault, .stream, .replicas) {
            $0.query?.attempt = .answered(Answer(status: 401))
            $0.streamRepetitions = [Repetition(accepted: 4, refused: 4), Repetition(accepted: 4, refused: 4)]
        },
        Case("the query does not arrive: 401", .fault, .query, .query) { $0.query?.attempt = .answered(Answer(status: 401)) },
        Case("last_event_id in it has no effect", .fault, .query, .query) { $0.query?.gap = nil },
        Case("Last-Event-ID does not arrive", .fault, .lastEventID, .lastEventID) { $0.resume?.gap = nil },
        Case("Content-Encoding: gzip", .fault, .compression, .compression) { $0.compression?.attempt.set(.contentEncoding, "gzip") },
        Case("is removed from responses", .advice, .requestID) { $0.stream?.attempt.set(.requestID, nil) },
        Case("is replaced on the way", .advice, .requestID) { $0.stream?.attempt.set(.requestID, "another") },
    ]

    private static let refusals: [Case] = [
        Case("401, the token is not accepted: \u{201C}Send a token.\u{201D}", .fault, .stream, .token) {
            $0.stream = .init(attempt: .answered(Answer(status: 401, body: bytes(#"{"error":"unauthorized","message":"Send a token."}"#))))
        },
        Case("403, the token is valid but not allowed here", .fault, .stream, .role) {
            $0.stream = .init(attempt: .answered(Answer(status: 403)))
        },
        Case("404, nothing is served at this path", .fault, .stream, .path) { $0.stream = .init(attempt: .answered(Answer(status: 404))) },
        Case("502, the proxy reached no service", .fault, .stream, .gateway) { $0.stream = .init(attempt: .answered(Answer(status: 502))) },
        Case("503, no instance", .fault, .stream, .gateway) { $0.stream = .init(attempt: .answered(Answer(status: 503))) },
        Case("504, the service did not answer", .fault, .stream, .gateway) { $0.stream = .init(attempt: .answered(Answer(status: 504))) },
        Case("301, a redirection to https://h/p;", .fault, .stream, .path) {
            $0.stream = .init(attempt: .answered(Answer(status: 301, fields: [.location: "https://h/p?token=x"])))
        },
        Case("200, but with text/html", .fault, .stream, .path) {
            $0.stream = .init(attempt: .answered(Answer(status: 200, fields: [.contentType: "text/html"])))
        },
        Case("closed the connection without an answer", .fault, .stream, .gateway) { $0.stream = .init(attempt: .closed(after: .zero)) },
        Case("is not HTTP/1.1", .fault, .stream) { $0.stream = .init(attempt: .notHTTP) },
        Case("426, Causeway was asked without", .fault, .workspace, .upgrade) {
            $0.workspace = .init(attempt: .answered(Answer(status: 426)))
        },
        Case("answered with 200 and text/html", .fault, .relay, .upgrade) {
            $0.relay = .init(attempt: .answered(Answer(status: 200, fields: [.contentType: "text/html"])))
        },
    ]

    private static let sockets: [Case] = [
        Case("101, but with missing or wrong Upgrade, Connection:", .fault, .workspace, .upgrade) {
            $0.workspace?.attempt.set(.upgrade, nil)
            $0.workspace?.attempt.set(.connection, nil)
        },
        Case("with missing or wrong Sec-WebSocket-Accept:", .fault, .relay, .upgrade) { $0.relay?.isProven = false },
        Case("the first message did not arrive within 35 s", .fault, .relay, .buffering) { $0.relay?.messages = 0 },
        Case("the query does not arrive", .fault, .workspace, .query) {
            $0.workspace?.refuse(4401)
        },
        Case("the token is not accepted", .fault, .workspace, .token) {
            $0.workspace?.refuse(4401)
            $0.stream?.attempt = .answered(Answer(status: 401))
        },
        Case("some replicas accept the token", .fault, .workspace, .replicas) {
            $0.workspace?.refuse(4401)
            $0.workspaceRepetitions = [Repetition(accepted: 4, refused: 4)]
        },
        Case("some replicas accept the token", .fault, .relay, .replicas) {
            $0.relayByQuery = $0.relay
            $0.relay = .init(attempt: .answered(Answer(status: 401)))
            $0.relayRepetitions = [Repetition(accepted: 4, refused: 4), Repetition(accepted: 8)]
        },
        Case("with 4401 (expired)", .advice, .workspaceIdle) { $0.workspace?.close = .init(code: 4401, reason: "expired") },
        Case("--workspace", .fault, .workspace) { $0.workspace?.refuse(4003) },
        Case("without a close frame", .fault, .workspaceIdle, .idle) {
            $0.workspace?.ending = .closed(silence: .seconds(60), abrupt: false)
        },
        Case("no heartbeat came", .advice, .workspaceIdle) { $0.workspace?.messages = 1 },
        Case("it stayed open for 35 s", .ok, .relayIdle) { $0.relay?.messages = 1 },
        Case("Causeway closed it with 1001", .advice, .relayIdle) { $0.relay?.close = .init(code: 1001, reason: "") },
        Case("Causeway closed it with 1011", .fault, .relayIdle, .gateway) { $0.relay?.close = .init(code: 1011, reason: "") },
        Case("Authorization does not arrive", .fault, .relay, .authorization) {
            $0.relayByQuery = $0.relay
            $0.relay = .init(attempt: .answered(Answer(status: 401)))
        },
        Case("Sec-WebSocket-Protocol is lost", .fault, .subprotocol, .subprotocol) {
            $0.workspace?.attempt.set(.secWebSocketProtocol, nil)
        },
        Case("Host is changed", .advice, .pages, .host) { $0.page = .init(attempt: .answered(Answer(status: 403))) },
        Case("not in CORS_ORIGINS", .fault, .pages, .crossOrigin) {
            $0.origin = "https://app.example"
            $0.page = .init(attempt: .answered(Answer(status: 403)))
        },
        Case("may not read the stream", .fault, .crossOrigin, .crossOrigin) { $0.origin = "https://app.example" },
        Case("is not answered by Causeway", .fault, .crossOrigin, .crossOrigin) {
            $0.origin = "https://app.example"
            $0.stream?.attempt.set(.accessControlAllowOrigin, "https://app.example")
            $0.preflight = .answered(Answer(status: 204))
        },
    ]

    private static let clocks: [Case] = [
        Case("expired 60 s ago", .fault, .token, .token) { $0.token.expiresAt = 1_699_999_940 },
        Case("not a JWT", .fault, .token, .token) { $0.token = TokenFacts() },
        Case("no claim exp", .fault, .token, .token) { $0.token.expiresAt = nil },
        Case("claim iat is 31 s in the future", .fault, .token, .clock) { $0.token.issuedAt = 1_700_000_031 },
        Case("claim nbf is 60 s in the future", .fault, .token, .clock) { $0.token.notBefore = 1_700_000_060 },
        Case("valid for another 60 min", .ok, .token) { $0.token.issuedAt = 1_700_000_029 },
        Case("clock; without jti it cannot be revoked by itself", .ok, .token) { $0.token.issuedAt = 1_700_000_000 },
        Case("clock; without iat every revocation of its user takes it back", .ok, .token) { $0.token.hasID = true },
        Case("it was revoked", .fault, .token, .token) {
            $0.query?.attempt = .answered(
                Answer(status: 401, body: Array(#"{"error":"unauthorized","message":"The token was revoked: x"}"#.utf8))
            )
        },
        Case("it was revoked", .fault, .token, .token) { $0.page?.close = .init(code: 4401, reason: "The token was revoked: x") },
        Case("it expires in 20 s", .advice, .token) { $0.token.expiresAt = 1_700_000_020 },
        Case("valid for another", .ok, .token) { $0.token.expiresAt = .greatestFiniteMagnitude },
        Case("the proxy's clock (Date) is 31 s ahead of this machine's; the other one is right", .fault, .clock, .clock) {
            $0.stream?.attempt.lead(.seconds(31))
        },
        Case("Causeway's clock is 60 s behind this machine's; the other one", .fault, .clock, .clock) {
            $0.workspace?.clockLead = .seconds(-60)
        },
        Case("proxy and Causeway agree, so this machine's clock is wrong", .fault, .clock, .clock) {
            $0.stream?.attempt.lead(.seconds(58))
            $0.workspace?.clockLead = .seconds(60)
        },
        Case("6.0 s ahead", .advice, .clock, .clock) { $0.stream?.attempt.lead(.seconds(6)) },
    ]

    private static let connections: [Case] = [
        Case("nothing listens", .fault, .connection) { $0.reach = .failed(.refused) },
        Case("is not known", .fault, .connection) { $0.reach = .failed(.unknownName) },
        Case("does not answer", .fault, .connection) { $0.reach = .failed(.timedOut) },
        Case("is not signed by an authority that this machine trusts", .fault, .connection, .untrusted) { $0.reach = .failed(.untrusted) },
        Case("expired at 2023-11-14", .fault, .connection, .certificate) { $0.reach = .failed(.expired(since: now)) },
        Case("for other names", .fault, .connection, .certificate) { $0.reach = .failed(.wrongName) },
        Case("does not speak TLS", .fault, .connection) { $0.reach = .failed(.notTLS) },
        Case("was not checked", .advice, .connection) { $0.isInsecure = true },
        Case("not offered by ALPN", .fault, .http2, .http2) { $0.reach = .reached(alpn: "http/1.1") },
    ]

    @Test(arguments: streams + refusals + sockets + clocks + connections) func everyObservationIsUnderstood(_ it: Case) throws {
        var seen = try Self.healthy()
        it.change(&seen)
        let findings = Self.findings(seen)
        let finding = try #require(findings.first { $0.check == it.check }, "\(findings)")
        #expect(finding.verdict == it.verdict && finding.remedy == it.remedy && finding.sentence.contains(it.testDescription), "\(finding)")
        #expect(Diagnosis.isHealthy(findings) == (it.verdict != .fault), "\(findings.filter { $0.verdict == .fault })")
        // A remedy for one thing is not said of another.
        #expect(findings.count { $0.verdict == .fault } <= 2)
    }

    /// Contract §6: nothing from the client for 60 s.
    @Test func thatTheRelayClosesTheSilentIsNoFinding() throws {
        for (watched, verdict) in [(Duration.seconds(70), Finding.Verdict.ok), (.seconds(35), .advice)] {
            var seen = try Self.healthy(watched: watched)
            seen.relay?.close = .init(code: 1008, reason: "silent for too long")
            #expect(Self.findings(seen).first { $0.check == .relayIdle }?.verdict == verdict)
        }
    }

    @Test func withoutTLSThereIsAdviceOnThisMachineAndAFaultElsewhere() throws {
        for (url, verdict) in [("http://127.0.0.1:8080", Finding.Verdict.advice), ("http://events.example.com", .fault)] {
            var seen = try Self.healthy(url)
            seen.reach = .reached(alpn: nil)
            #expect(Self.findings(seen).first { $0.check == .http2 }?.verdict == verdict)
        }
    }

    @Test func reportsNeverShowTheToken() throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjF9.c2lnbmF0dXJlLW9mLWl0"
        let said = "you sent \(token), did you not? \(token.split(separator: ".")[1])"
        let findings = [Finding.fault(.stream, said, .token), .ok(.relay, "fine")]
        let report = Report(target: try Target("https://h"), findings: findings, token: token)
        for text in [report.text, report.json] {
            #expect(!token.split(separator: ".").contains { text.contains($0) } && text.contains("you sent (token), did you not? (token)"))
        }
        #expect(report.text.hasPrefix("fault   stream"))
        #expect(report.text.contains("\nok      relay           fine\n\nhttps://h: 1 fault\n\nstream: Use a token"))
    }

    @Test func everyFaultOfAProxyHasDirectivesForEachProxy() {
        for remedy in Remedy.allCases {
            guard let directives = remedy.directives else { continue }
            for parts in [directives.nginx, directives.caddy, directives.haproxy] {
                #expect(!parts.isEmpty && parts.allSatisfy { !$0.lines.isEmpty })
            }
        }
    }
}

extension Attempt {
    fileprivate mutating func set(_ name: HTTPField.Name, _ value: String?) {
        guard case .answered(var answer) = self else { return }
        answer.fields[name] = value
        self = .answered(answer)
    }

    fileprivate mutating func removeServer() { set(.server, nil) }

    fileprivate mutating func lead(_ duration: Duration) {
        guard case .answered(var answer) = self else { return }
        answer.clockLead = duration
        self = .answered(answer)
    }
}

extension WebSocketObservation {
    /// Closed without having been let in.
    fileprivate mutating func refuse(_ code: UInt16) {
        messages = 0
        close = Close(code: code, reason: "")
    }
}
