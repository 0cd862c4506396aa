import ArgumentParser
import Basics

/// How one connection of a stream ended.
enum StreamConnectionEnd: Sendable {
    /// 204: everything was received (contract §9).
    case complete
    /// `stream.end` with this reason (contract §4).
    case told(reason: String)
    /// The connection was closed or lost, or was silent for too long.
    case lost(String)
    /// An answer that is not a stream.
    case refused(CausewayServer.Answer)
    /// 200 without an event stream: another server answers.
    case foreign
    /// No answer.
    case unreachable(String)
}

/// Decides how a stream continues after its connections: from which place, when, or not at all. A pure value but for the jitter.
///
/// 1. The place is the last `id` of a block that was passed on completely.
/// 2. The pause is at least the server's `retry` or `Retry-After`, and grows while no connection carries the stream.
/// 3. What another attempt cannot change ends the stream: a refused token or request, and an address at which nothing answered from the beginning.
struct StreamCourse: Sendable {
    /// What follows the end of a connection.
    enum Move: Sendable {
        case again(after: Duration, because: String)
        /// The stream is over; without a failure all of it was received.
        case over(ServerRefusal?)
    }

    private static let endType = "stream.end"
    private static let longestPause: Duration = .seconds(30)
    /// The longest `retry` that is accepted from a server.
    private static let longestRetry: Duration = .seconds(3600)
    /// The reasons of `stream.end` that another connection with the same token would get again.
    private static let finalReasons: Set<String> = ["token_expired", "token_revoked"]

    /// The place to resume behind; nil for none.
    private(set) var lastEventID: String?
    /// Whether a connection carried the stream.
    private(set) var hasOpened = false
    private var retry = Duration.zero
    private var backoff = Backoff(first: .milliseconds(500), longest: Self.longestPause)

    init(lastEventID: String?) {
        self.lastEventID = lastEventID
    }

    /// Returns what a block tells; nil for a ping and for the opening.
    static func item(of block: EventStreamReader.Block) -> StreamItem? {
        guard let data = block.data else { return nil }
        let type = block.event ?? "message"
        switch type {
        case "ping", endType: return nil
        case "stream.gap":
            let words = ServerWords(data)
            return .gap(reason: words?.reason ?? "unknown", missedBefore: words?.missedBefore)
        case "stream.stalled": return .stalled
        case "stream.live": return .live
        default: return .event(StreamEvent(id: block.id, type: type, data: data))
        }
    }

    /// Returns the reason of a `stream.end`; nil for other blocks.
    static func ending(_ block: EventStreamReader.Block) -> String? {
        guard block.event == endType else { return nil }
        return block.data.flatMap { ServerWords($0)?.reason } ?? "unknown"
    }

    /// Records a block whose item was passed on.
    mutating func passed(_ block: EventStreamReader.Block) {
        if let id = block.id { lastEventID = id }
        if let retry = block.retry, let milliseconds = Int64(retry), milliseconds >= 0 {
            self.retry = min(.milliseconds(milliseconds), Self.longestRetry)
        }
        guard block.event != Self.endType else { return }
        hasOpened = true
        backoff.reset()
    }

    /// Returns what to do after the end of a connection.
    mutating func move(after end: StreamConnectionEnd, of target: Target) -> Move {
        switch end {
        case .complete: return .over(nil)
        case .told(let reason) where Self.finalReasons.contains(reason):
            return .over(ServerRefusal(sentence: "the token is no longer accepted (\(reason))", code: Exit.noPermission.rawValue))
        case .told(let reason): return again("the server ended the stream (\(TerminalText.safe(reason)))")
        case .lost(let sentence): return again(sentence)
        case .foreign:
            let sentence = "\(target) answered, but not with an event stream: check --url"
            return .over(ServerRefusal(sentence: sentence, code: Exit.unavailable.rawValue))
        case .refused(let answer):
            let refusal = ServerRefusal(answer, of: target)
            guard refusal.code == Exit.unavailable.rawValue else { return .over(refusal) }
            return again(refusal.sentence, notBefore: answer.retryAfter ?? .zero)
        case .unreachable(let sentence):
            guard hasOpened else { return .over(ServerRefusal(sentence: sentence, code: Exit.unavailable.rawValue)) }
            return again(sentence)
        }
    }

    private mutating func again(_ sentence: String, notBefore: Duration = .zero) -> Move {
        .again(after: max(backoff.pause(), retry, min(notBefore, Self.longestRetry)), because: sentence)
    }
}
