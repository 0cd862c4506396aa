/// An endpoint, of `GET` and of lists (contract §14).
struct EndpointAnswer: Decodable, Sendable {
    /// Its life.
    struct State: Decodable, Sendable {
        /// `pending`, `enabled`, `failing` or `disabled`.
        var name: String
        var since: String?
        /// Failures in a row.
        var failures: Int?
        var retryAt: String?
        /// Why it is disabled.
        var reason: String?
    }

    /// A cursor that was set back.
    struct Replay: Decodable, Sendable {
        var requestedAt: String
        /// The place behind which it begins.
        var from: String
        /// The place that had been reached.
        var to: String
    }

    var id: String
    var url: String
    var types: [String]
    var description: String?
    var ordered: Bool
    /// Whose private events it also gets.
    var user: String?
    var createdAt: String
    var state: State
    /// How far it has come.
    var cursor: String
    /// The latest replay.
    var replay: Replay?
    /// In the answers that create or rotate it.
    var secret: String?
}

/// A page of endpoints.
struct EndpointList: Decodable, Sendable {
    var items: [EndpointAnswer]
    var nextCursor: String?
}

/// An attempt at a delivery.
struct AttemptAnswer: Decodable, Sendable {
    /// The message's id.
    var id: String
    var type: String
    var startedAt: String
    var durationMs: Int
    /// Of the answer; nil without one.
    var status: Int?
    /// Why there was no answer, as a word and as a sentence.
    var error: String?
    var message: String?
    /// The beginning of the answer.
    var answer: String?
    var nextAttemptAt: String?
}

/// The last attempts of an endpoint, newest first.
struct AttemptList: Decodable, Sendable {
    var attempts: [AttemptAnswer]
}

/// What a replay would send.
struct ReplayPreviewAnswer: Decodable, Sendable {
    /// The place behind which it would begin.
    var from: String
    /// The place that the endpoint has reached.
    var to: String
    /// Those that were counted.
    var events: Int
    /// Whether there may be others behind them.
    var more: Bool
}

/// The answer to a test, or to a request to send an event again.
struct AttemptResultAnswer: Decodable, Sendable {
    var delivered: Bool
    var attempt: AttemptAnswer
}
