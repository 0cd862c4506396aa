import Basics
import EventModel
import HTTPTypes

/// All that was seen. Plain values: what they mean is ``Diagnosis``'s to say.
struct Observations: Sendable {
    let target: Target
    /// How long the streams were watched.
    let watched: Duration
    /// Whether the certificate was left unchecked.
    var isInsecure = false
    /// The origin of the pages that are to use it, if one was named.
    var origin: String?
    var token: TokenFacts
    var reach: Reach
    /// By the header `Authorization`, as programs do it, watched to the end.
    var stream: StreamObservation?
    /// The same with the token in the query, where the header alone was refused.
    var streamByQuery: StreamObservation?
    /// The head of the stream alone (`HEAD`), which no proxy can buffer.
    var head: Attempt?
    /// With the token and a cursor that cannot be known in the query, as browsers do it.
    var query: StreamObservation?
    /// With `Last-Event-ID`, naming a cursor that cannot be known.
    var resume: StreamObservation?
    /// With gzip offered.
    var compression: StreamObservation?
    /// What a browser asks before a page of another origin may send headers.
    var preflight: Attempt?
    var workspace: WebSocketObservation?
    /// By the header `Authorization`.
    var relay: WebSocketObservation?
    /// The same with the token in the query, where the header alone was refused.
    var relayByQuery: WebSocketObservation?
    /// A handshake as a page of `origin`, or of the examined address itself, makes it.
    var page: WebSocketObservation?
}

/// Whether there is anybody at the address.
enum Reach: Sendable, Equatable {
    /// `alpn`: what TLS settled on when HTTP/2 was offered.
    case reached(alpn: String?)
    case failed(DialFailure)
}

/// Why no connection came about.
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

/// How an exchange of HTTP began.
enum Attempt: Sendable, Equatable {
    case answered(Answer)
    case failed(DialFailure)
    /// The connection was closed before there was an answer.
    case closed(after: Duration)
    case silent(for: Duration)
    /// What came was not HTTP/1.1.
    case notHTTP

    /// The answer, if there was one.
    var answer: Answer? {
        guard case .answered(let answer) = self else { return nil }
        return answer
    }

    /// The answer's status, if there was one.
    var status: Int? { answer?.status }
}

/// The head of a response, and the beginning of a body that is no stream.
struct Answer: Sendable, Equatable {
    var status: Int
    var fields: HTTPFields = [:]
    /// A few KiB at most.
    var body: [UInt8] = []
    /// How long the head took.
    var took: Duration = .zero
    /// By how much the clock behind `Date` is ahead of ours.
    var clockLead: Duration?
}

/// How a watched connection ended.
enum Ending: Sendable, Equatable {
    /// It did not: the time to watch was over, or enough had been seen.
    case none
    /// `silence`: since the last byte; `abrupt`: not by an orderly close.
    case closed(silence: Duration, abrupt: Bool)
}

/// A stream of events.
struct StreamObservation: Sendable, Equatable {
    var attempt: Attempt
    /// How long after the head the first bytes of the body came; nil when none did.
    var opening: Duration?
    /// Whether the blocks were understood as events.
    var isUnderstood = false
    var pings = 0
    /// The most pings that came in one piece.
    var pingsAtOnce = 0
    /// The reason of `stream.gap`.
    var gap: String?
    /// The reason of `stream.end`.
    var goodbye: String?
    var ending = Ending.none
}

/// A WebSocket.
struct WebSocketObservation: Sendable, Equatable {
    var attempt: Attempt
    /// Whether `Sec-WebSocket-Accept` answered the key.
    var isProven = true
    /// Messages that came in.
    var messages = 0
    /// By how much the clock of Causeway, told in its messages, is ahead of ours.
    var clockLead: Duration?
    /// The close frame, if one came.
    var close: Close?
    var ending = Ending.none

    struct Close: Sendable, Equatable {
        /// 1005 where the frame had none (RFC 6455 §7.4.1).
        var code: UInt16
        var reason: String
    }
}
