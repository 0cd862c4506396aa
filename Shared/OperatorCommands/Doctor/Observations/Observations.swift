import Basics
import EventModel
import HTTPTypes

/// Everything that the probes observed. Plain values; ``Diagnosis`` interprets them.
struct Observations: Sendable {
    let target: Target
    /// Time for which the streams were watched.
    let watched: Duration
    /// Whether the certificate was left unchecked.
    var isInsecure = false
    /// The origin of pages on another host, from `--origin`.
    var origin: String?
    var token: TokenFacts
    var reach: Reach
    /// With the token in the header `Authorization`, as programs send it; watched to the end.
    var stream: StreamObservation?
    /// The same with the token in the query, if the header was refused.
    var streamByQuery: StreamObservation?
    /// The head of the stream alone (`HEAD`), which no proxy can buffer.
    var head: Attempt?
    /// With the token and an unknown cursor in the query, as browsers send them.
    var query: StreamObservation?
    /// With an unknown cursor in `Last-Event-ID`.
    var resume: StreamObservation?
    /// With gzip offered.
    var compression: StreamObservation?
    /// A browser's preflight request for a page of another origin.
    var preflight: Attempt?
    var workspace: WebSocketObservation?
    /// With the token in the header `Authorization`.
    var relay: WebSocketObservation?
    /// The same with the token in the query, if the header was refused.
    var relayByQuery: WebSocketObservation?
    /// Equal requests for the stream, with the token in the header `Authorization`, then in the query; empty unless a request was refused.
    var streamRepetitions: [Repetition] = []
    /// The same for the relay.
    var relayRepetitions: [Repetition] = []
    /// The same for the workspace stream, in the query.
    var workspaceRepetitions: [Repetition] = []
    /// A handshake with the `Origin` of `origin`, or of the examined address.
    var page: WebSocketObservation?
}

extension Observations {
    /// Whether a request was refused because of its token.
    var hasRefusal: Bool {
        let streams = [stream, streamByQuery, query, resume, compression].compactMap(\.?.attempt.status)
        return streams.contains(401) || [workspace, relay, relayByQuery].contains { $0?.isRefused == true }
    }
}

/// Whether the address accepts connections.
enum Reach: Sendable, Equatable {
    /// `alpn`: the protocol that TLS negotiated when HTTP/2 was offered.
    case reached(alpn: String?)
    case failed(DialFailure)
}

/// Why a connection failed.
enum DialFailure: Error, Sendable, Equatable {
    case unknownName
    case refused
    case timedOut
    case untrusted
    case expired(since: Timestamp)
    case notYetValid(until: Timestamp)
    case wrongName
    /// The other side does not speak TLS.
    case notTLS
    case other(String)
}

/// The outcome of an HTTP request, up to the head of its response.
enum Attempt: Sendable, Equatable {
    case answered(Answer)
    case failed(DialFailure)
    /// The connection was closed before a response.
    case closed(after: Duration)
    case silent(for: Duration)
    /// The response was not HTTP/1.1.
    case notHTTP

    /// The response; nil without one.
    var answer: Answer? {
        guard case .answered(let answer) = self else { return nil }
        return answer
    }

    /// The response's status; nil without one.
    var status: Int? { answer?.status }
}

/// The head of a response, and the beginning of its body if it is not a stream.
struct Answer: Sendable, Equatable {
    var status: Int
    var fields: HTTPFields = [:]
    /// A few KiB at most.
    var body: [UInt8] = []
    /// Time until the head was complete.
    var took: Duration = .zero
    /// How far the clock of `Date` is ahead of this machine's.
    var clockLead: Duration?
}

/// How a watched connection ended.
enum Ending: Sendable, Equatable {
    /// Not ended: the watch time was over, or enough had been observed.
    case none
    /// `silence`: time since the last byte; `abrupt`: without an orderly close.
    case closed(silence: Duration, abrupt: Bool)
}

/// Observations of an event stream.
struct StreamObservation: Sendable, Equatable {
    var attempt: Attempt
    /// Time from the head to the first bytes of the body; nil without any.
    var opening: Duration?
    /// Whether the body parsed as server-sent events.
    var isUnderstood = false
    var pings = 0
    /// Maximum number of pings that arrived in one read.
    var pingsAtOnce = 0
    /// The reason of `stream.gap`.
    var gap: String?
    /// The reason of `stream.end`.
    var goodbye: String?
    var ending = Ending.none
}

/// How equal requests on separate connections were answered, one after another: the replicas behind a proxy take turns.
struct Repetition: Sendable, Equatable {
    var accepted = 0
    /// With 401, or 4401 on a WebSocket.
    var refused = 0

    /// Whether some were accepted and others refused.
    var isMixed: Bool { accepted > 0 && refused > 0 }
}

/// Observations of a WebSocket.
struct WebSocketObservation: Sendable, Equatable {
    var attempt: Attempt
    /// Whether `Sec-WebSocket-Accept` answered the key.
    var isProven = true
    /// Number of messages received.
    var messages = 0
    /// How far Causeway's clock, from its messages, is ahead of this machine's.
    var clockLead: Duration?
    /// The close frame, if one came.
    var close: Close?
    var ending = Ending.none

    /// Whether the token was refused.
    var isRefused: Bool { attempt.status == 401 || (messages == 0 && close?.code == 4401) }

    struct Close: Sendable, Equatable {
        /// 1005 where the frame had none (RFC 6455 §7.4.1).
        var code: UInt16
        var reason: String
    }
}
