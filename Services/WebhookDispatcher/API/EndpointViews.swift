import Basics
import EventModel
import Webhooks

/// The JSON of an endpoint for its tenant (contract §14). Members without a value are left out.
struct EndpointView: Encodable, Sendable {
    /// The endpoint's life.
    struct State: Encodable, Sendable {
        let name: String
        let since: String?
        let failures: Int?
        let retryAt: String?
        let reason: String?

        init(_ state: EndpointHealth.State) {
            let trouble: EndpointHealth.Trouble?
            switch state {
            case .pending(let failures): (name, trouble) = ("pending", failures)
            case .failing(let failures): (name, trouble) = ("failing", failures)
            case .enabled: (name, trouble) = ("enabled", nil)
            case .disabled: (name, trouble) = ("disabled", nil)
            }
            failures = trouble?.failures
            retryAt = trouble?.retryAt.iso8601
            if case .disabled(let cause, let time) = state {
                (since, reason) = (time.iso8601, cause.rawValue)
            } else {
                (since, reason) = (trouble?.since.iso8601, nil)
            }
        }
    }

    /// The latest replay.
    struct Replay: Encodable, Sendable {
        let requestedAt: String
        let from: String
        let to: String

        init(_ replay: Endpoint.Replay) {
            requestedAt = replay.requestedAt.iso8601
            from = replay.from.text
            to = replay.to.text
        }
    }

    let id: String
    let url: String
    let types: [String]
    let description: String?
    let ordered: Bool
    let user: String?
    let createdAt: String
    let state: State
    let cursor: String
    let replay: Replay?
    /// In the answers that create or rotate it, and in no other.
    let secret: String?

    /// - Parameter showsSecret: whether the answer tells the current secret.
    init(_ endpoint: Endpoint, showsSecret: Bool = false) {
        id = "\(endpoint.id)"
        url = "\(endpoint.settings.url)"
        types = endpoint.settings.types.patterns
        description = endpoint.settings.description
        ordered = endpoint.settings.isOrdered
        user = endpoint.settings.user?.text
        createdAt = endpoint.createdAt.iso8601
        state = State(endpoint.state)
        cursor = endpoint.cursor.text
        replay = endpoint.replay.map(Replay.init)
        secret = showsSecret ? endpoint.secrets.current.revealed : nil
    }
}

/// The JSON of an attempt (contract §14): `status` and `answer`, or `error` and `message`.
struct AttemptView: Encodable, Sendable {
    let id: String
    let type: String
    let startedAt: String
    let durationMs: Int64
    let status: Int?
    let answer: String?
    let error: String?
    let message: String?
    let nextAttemptAt: String?

    init(_ attempt: Attempt) {
        id = attempt.messageID
        type = attempt.type.name
        startedAt = attempt.startedAt.iso8601
        durationMs = attempt.duration.milliseconds
        nextAttemptAt = attempt.nextAttemptAt?.iso8601
        switch attempt.result {
        case .answered(let code, let excerpt): (status, answer, error, message) = (code, excerpt, nil, nil)
        case .failed(let failure): (status, answer, error, message) = (nil, nil, failure.label, failure.phrase)
        }
    }
}

/// The JSON of an endpoint's latest attempts.
struct AttemptsView: Encodable, Sendable {
    let attempts: [AttemptView]
}

/// The JSON of what a replay would send (contract §14).
struct ReplayPreview: Encodable, Sendable {
    /// The place behind which it would begin, and the one that the endpoint has reached.
    let from: String
    let to: String
    /// Events between the two that the endpoint gets.
    let events: Int
    /// Whether there may be others behind those that were counted.
    let more: Bool
}

/// The JSON of a requested attempt: a test, or an event that is sent again.
struct AttemptResultView: Encodable, Sendable {
    let delivered: Bool
    let attempt: AttemptView
}
