import EventLog
import EventModel
import Logging

/// Sets aside what somebody wrote to the bus as an `approval.requested` and is no event, such as one with a title beyond its bound: nobody can be
/// asked, and nobody told the producer. What the intake stores is valid, and is passed over.
///
/// The replicas share the work, so each message is reviewed once.
struct RequestReview: Sendable {
    /// The name of the shared reading.
    static let name = "approval-requests"
    /// The subjects of requests. Those on `events.<tenant>` alone, whose type is a header, are skipped with a line of the log by whoever reads them.
    private static let filter = "events.*.\(Approval.Request.typeName)"

    private let reading: SharedReading

    init(letters: DeadLetters, logger: Logger) {
        reading = SharedReading(name: Self.name, filter: Self.filter, letters: letters, logger: logger)
    }

    /// What `/readyz` says while the reading of requests is stopped; nil while it runs.
    var fault: String? { reading.fault }

    /// Reviews until the task is cancelled.
    func run() async throws {
        try await reading.run { Self.review($0) }
    }

    /// Reviews one event.
    static func review(_ entry: LogEntry) -> WorkOutcome {
        let place = LogPlace(sequence: entry.sequence, intake: entry.intake)
        guard Approval.Request(entry.event, at: place) != nil else { return .failed("The event asks for no approval that can be decided.") }
        return .done
    }
}
