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

/// The answer to a test.
struct TestAnswer: Decodable, Sendable {
    var delivered: Bool
    var attempt: AttemptAnswer
}
