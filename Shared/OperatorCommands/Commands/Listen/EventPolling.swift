import Basics
import EventModel
import ServiceKit

/// Follows the events of a token's user by long polls (contract §15), through outages. One task.
struct EventPolling<C: Clock> where C.Duration == Duration {
    /// Where the next poll begins.
    enum Place: Sendable, Hashable {
        /// At the head of the log: only what comes from now on.
        case head
        /// At the oldest event that is kept.
        case oldest
        /// Behind a cursor. One from the user may have any form: the server answers an unknown one with a gap.
        case after(String)
    }

    /// How long a poll waits for an event.
    static var wait: Duration { .seconds(30) }

    let clock: C
    /// The filter, as the user wrote it; nil for all types.
    let types: String?
    let ask: @Sendable (CausewayServer.Request) async throws(CausewayServer.Unreachable) -> CausewayServer.Answer
    let refusal: @Sendable (CausewayServer.Answer) -> ServerRefusal
    let complain: @Sendable (String) -> Void
    private(set) var place: Place
    private var backoff = Backoff(first: .seconds(1), longest: .seconds(30))

    init(
        from place: Place,
        types: String?,
        clock: C,
        ask: @escaping @Sendable (CausewayServer.Request) async throws(CausewayServer.Unreachable) -> CausewayServer.Answer,
        refusal: @escaping @Sendable (CausewayServer.Answer) -> ServerRefusal,
        complain: @escaping @Sendable (String) -> Void
    ) {
        self.place = place
        self.types = types
        self.clock = clock
        self.ask = ask
        self.refusal = refusal
        self.complain = complain
    }

    /// The next poll.
    var request: CausewayServer.Request {
        var query: [[String]] = []
        switch place {
        // Without waiting: a poll that fails while it waits would leave no cursor, and lose what came meanwhile.
        case .head: query.append(["wait", "0s"])
        case .oldest: query += [["wait", DurationText.show(Self.wait)], ["last_event_id", ""]]
        case .after(let cursor): query += [["wait", DurationText.show(Self.wait)], ["last_event_id", cursor]]
        }
        query.append(["limit", "1000"])
        if let types { query.append(["types", types]) }
        return CausewayServer.Request(path: ["v1", "events"], query: query)
    }

    /// Polls until there is an answer, which may have no events, and moves on behind it.
    ///
    /// - Throws: the exit code of the command, after printing an error message, when the server refuses; `CancellationError`.
    mutating func next() async throws -> PolledEvents {
        while true {
            let problem: String
            var pause = backoff.pause()
            switch try await RepeatedRequest.outcome({ () throws(CausewayServer.Unreachable) in try await ask(request) }, refusal) {
            case .answered(let body):
                if let events = PolledEvents(body, now: .now) {
                    backoff.reset()
                    place = .after(events.cursor.text)
                    return events
                }
                problem = "the answer is not complete, or not Causeway's: check --url if this is repeated"
            case .unanswered(let sentence, let retryAfter):
                problem = sentence
                pause = max(pause, retryAfter ?? .zero)
            }
            complain("\(problem); next request in \(Wording.show(pause))")
            try await clock.sleep(for: pause)
        }
    }
}
