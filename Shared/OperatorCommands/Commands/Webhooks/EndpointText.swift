import Basics

/// Formats answers about endpoints for people.
enum EndpointText {
    /// A line of a list: state, id, address, types.
    static func line(_ endpoint: EndpointAnswer) -> String {
        let facts: [String?] = [
            endpoint.state.name, endpoint.id, endpoint.url, endpoint.types.joined(separator: ","), trouble(endpoint.state),
            endpoint.description,
        ]
        return TerminalText.safe(facts.compactMap(\.self).joined(separator: "  "))
    }

    /// All of an endpoint, a line for each fact.
    static func whole(_ endpoint: EndpointAnswer) -> String {
        let facts: [(name: String, text: String?)] = [
            ("url", endpoint.url), ("types", endpoint.types.joined(separator: ", ")), ("description", endpoint.description),
            ("delivery", endpoint.ordered ? "one event at a time, in order" : "in parallel"), ("user", endpoint.user),
            ("created", endpoint.createdAt), ("since", endpoint.state.since), ("trouble", trouble(endpoint.state)),
            ("cursor", endpoint.cursor), ("replay", endpoint.replay.map(replay)), ("secret", endpoint.secret),
        ]
        let lines = facts.compactMap { fact in
            fact.text.map { "  \(fact.name)\(String(repeating: " ", count: max(1, 13 - fact.name.count)))\(TerminalText.safe($0))" }
        }
        return ([TerminalText.safe("\(endpoint.id): \(endpoint.state.name)")] + lines).joined(separator: "\n")
    }

    /// A line of an endpoint's attempts.
    static func line(_ attempt: AttemptAnswer) -> String {
        let facts: [String?] = [
            attempt.startedAt, attempt.id, attempt.type, result(attempt), "\(attempt.durationMs) ms",
            attempt.nextAttemptAt.map { "next \($0)" }, excerpt(attempt),
        ]
        return TerminalText.safe(facts.compactMap(\.self).joined(separator: "  "))
    }

    /// What a replay would send.
    static func preview(_ answer: ReplayPreviewAnswer) -> String {
        let events = answer.events == 1 ? "1 event" : "\(answer.events) events"
        return TerminalText.safe("\(answer.more ? "more than " : "")\(events), from behind \(answer.from) to \(answer.to)")
    }

    /// The answer to a test, or to a request to send an event again.
    static func tested(_ answer: AttemptResultAnswer) -> String {
        let attempt = answer.attempt
        let facts: [String?] = [
            "\(answer.delivered ? "delivered" : "not delivered"): \(result(attempt)) after \(attempt.durationMs) ms", excerpt(attempt),
        ]
        return TerminalText.safe(facts.compactMap(\.self).joined(separator: "  "))
    }

    /// `3 failures, next attempt 2024-04-01T14:32:10.000Z`, or the reason of a disabled one; nil without trouble.
    private static func trouble(_ state: EndpointAnswer.State) -> String? {
        let failures = state.failures.flatMap { $0 > 0 ? "\($0) \($0 == 1 ? "failure" : "failures")" : nil }
        let facts = [state.reason, failures, state.retryAt.map { "next attempt \($0)" }].compactMap(\.self)
        return facts.isEmpty ? nil : facts.joined(separator: ", ")
    }

    private static func replay(_ replay: EndpointAnswer.Replay) -> String {
        "requested \(replay.requestedAt), from behind \(replay.from) to \(replay.to)"
    }

    /// The beginning of the receiver's answer; nil if it is empty.
    private static func excerpt(_ attempt: AttemptAnswer) -> String? { attempt.answer.flatMap { $0.isEmpty ? nil : $0 } }

    private static func result(_ attempt: AttemptAnswer) -> String {
        attempt.status.map { "\($0)" } ?? attempt.message ?? attempt.error ?? "no answer"
    }
}
