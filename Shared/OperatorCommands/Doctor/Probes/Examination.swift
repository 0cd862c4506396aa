import EventModel
import HTTPAPI
import HTTPTypes

/// Runs all probes at an address with a token.
struct Examination: Sendable {
    static let streamPath = "/v1/notifications/stream"
    static let workspacePath = "/v1/stream"
    static let relayPath = "/v1/connect"
    /// A cursor that is unknown to every log (contract §3).
    static let unknownCursor = "evt_unknown_to_every_log"
    /// The one subprotocol, which is echoed unless a proxy removes it.
    static let subprotocol = "causeway.v1"
    static let requestIDPrefix = "doctor_"

    let dialer: Dialer
    let token: String
    let facts: TokenFacts
    /// The workspace; nil for the token's tenant.
    let workspace: String?
    /// Time for which the streams are watched.
    let watch: Duration
    let isInsecure: Bool
    /// The origin of pages on another host; nil for none.
    let origin: String?
    /// The request id of all requests, to find them in logs. Begins with ``requestIDPrefix``.
    let requestID: String

    /// Runs all probes. Takes slightly longer than ``watch``.
    ///
    /// - Throws: `CancellationError`.
    func run() async throws -> Observations {
        let target = dialer.target
        var seen = Observations(target: target, watched: watch, token: facts, reach: .failed(.timedOut))
        (seen.isInsecure, seen.origin) = (isInsecure, origin)
        do {
            let wire = try await dialer.connect(alpn: ["h2", "http/1.1"])
            wire.close()
            seen.reach = .reached(alpn: wire.alpn)
        } catch let failure as DialFailure {
            seen.reach = .failed(failure)
            return seen
        }
        async let stream = watchedStream()
        async let head = askForHead(inHeader: true, inQuery: true)
        async let relay = watchedRelay()
        async let workspace = lookAtWebSocket(Self.workspacePath, inQuery: true, for: watch)
        async let query = lookAtStream(fields: [:], query: [("token", token), ("last_event_id", Self.unknownCursor)])
        async let resume = lookAtStream(fields: [.lastEventID: Self.unknownCursor], query: [("token", token)], isProgram: true)
        async let compression = lookAtStream(fields: [.acceptEncoding: "gzip"], query: [("token", token)], isProgram: true)
        async let page = lookAtWebSocket(Self.workspacePath, inQuery: true, origin: origin ?? target.origin)
        async let preflight = askAsBrowser()
        (seen.stream, seen.streamByQuery) = try await stream
        seen.head = try await head
        (seen.relay, seen.relayByQuery) = try await relay
        seen.workspace = try await workspace
        seen.query = try await query
        seen.resume = try await resume
        seen.compression = try await compression
        seen.page = try await page
        seen.preflight = try await preflight
        if seen.hasRefusal { try await repeatRequests(&seen) }
        return seen
    }

    // MARK: Repetitions

    /// Number of equal requests: of two replicas in any order, one is missed in less than 1 % of the examinations.
    private static let repetitions = 8

    /// Asks each surface again and again, to tell a token that is refused from replicas that disagree.
    private func repeatRequests(_ seen: inout Observations) async throws {
        async let stream = repeating { inQuery in
            let attempt = try await askForHead(inHeader: !inQuery, inQuery: inQuery)
            return (attempt.status == 200, attempt.status == 401)
        }
        async let relay = repeating { inQuery in Self.verdict(on: try await lookAtWebSocket(Self.relayPath, inQuery: inQuery)) }
        async let workspace = repeating(ways: [true]) { inQuery in
            Self.verdict(on: try await lookAtWebSocket(Self.workspacePath, inQuery: inQuery))
        }
        seen.streamRepetitions = try await stream
        seen.relayRepetitions = try await relay
        seen.workspaceRepetitions = try await workspace
    }

    private static func verdict(on socket: WebSocketObservation) -> (isAccepted: Bool, isRefused: Bool) {
        (socket.attempt.status == 101 && !socket.isRefused, socket.isRefused)
    }

    /// Sends equal requests one after another, so that replicas that take turns are all asked, and counts their verdicts.
    ///
    /// - Parameter ways: Whether the token is in the query, for each repetition.
    private func repeating(
        ways: [Bool] = [false, true],
        _ ask: (_ inQuery: Bool) async throws -> (isAccepted: Bool, isRefused: Bool)
    ) async throws -> [Repetition] {
        var repetitions: [Repetition] = []
        for inQuery in ways {
            var repetition = Repetition()
            for _ in 0..<Self.repetitions {
                let (isAccepted, isRefused) = try await ask(inQuery)
                if isAccepted { repetition.accepted += 1 }
                if isRefused { repetition.refused += 1 }
            }
            repetitions.append(repetition)
        }
        return repetitions
    }

    // MARK: Streams

    private func watchedStream() async throws -> (StreamObservation, StreamObservation?) {
        let first = try await lookAtStream(fields: [:], isProgram: true, .lasting(watch))
        guard first.attempt.status == 401 else { return (first, nil) }
        let second = try await lookAtStream(fields: [:], query: [("token", token)], .lasting(watch))
        return (first, second)
    }

    private func askForHead(inHeader: Bool, inQuery: Bool) async throws -> Attempt {
        var request = ProbeRequest(method: "HEAD", path: Self.streamPath, query: inQuery ? [("token", token)] : [], fields: common)
        if inHeader { request.fields[.authorization] = "Bearer \(token)" }
        let exchange = try await Exchange.begin(request, over: dialer)
        defer { exchange.close() }
        return exchange.attempt
    }

    /// - Parameter isProgram: whether to send the token in the header too.
    private func lookAtStream(
        fields: HTTPFields,
        query: [(name: String, value: String)] = [],
        isProgram: Bool = false,
        _ extent: StreamProbe.Extent = .opening
    ) async throws -> StreamObservation {
        var request = ProbeRequest(path: Self.streamPath, query: query, fields: common)
        request.fields[.accept] = "text/event-stream"
        if isProgram { request.fields[.authorization] = "Bearer \(token)" }
        if let origin { request.fields[.origin] = origin }
        request.fields.append(contentsOf: fields)
        return try await StreamProbe(dialer: dialer, request: request).look(extent)
    }

    // MARK: WebSockets

    private func watchedRelay() async throws -> (WebSocketObservation, WebSocketObservation?) {
        let first = try await lookAtWebSocket(Self.relayPath, inQuery: false, for: watch)
        guard first.attempt.status == 401 else { return (first, nil) }
        let second = try await lookAtWebSocket(Self.relayPath, inQuery: true, for: watch)
        return (first, second)
    }

    private func lookAtWebSocket(_ path: String, inQuery: Bool, origin: String? = nil, for duration: Duration? = nil) async throws
        -> WebSocketObservation
    {
        var request = ProbeRequest(path: path, fields: common)
        if inQuery {
            request.query = [("token", token), ("workspace", workspace ?? facts.tenant ?? "")]
        } else {
            request.fields[.authorization] = "Bearer \(token)"
        }
        request.fields[.secWebSocketProtocol] = Self.subprotocol
        if let origin { request.fields[.origin] = origin }
        return try await WebSocketProbe(dialer: dialer, request: request).look(for: duration)
    }

    // MARK: Preflight and headers

    private func askAsBrowser() async throws -> Attempt? {
        guard let origin else { return nil }
        var request = ProbeRequest(method: "OPTIONS", path: Self.streamPath, fields: common)
        request.fields[.origin] = origin
        request.fields[.accessControlRequestMethod] = "GET"
        request.fields[.accessControlRequestHeaders] = "authorization,last-event-id"
        let exchange = try await Exchange.begin(request, over: dialer)
        defer { exchange.close() }
        return exchange.attempt
    }

    private var common: HTTPFields {
        [.userAgent: "causeway-doctor", .cacheControl: "no-cache", .requestID: requestID]
    }
}
