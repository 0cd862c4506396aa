import EventLog
import EventModel
import Logging

/// Stores dead letters for malformed `approval.requested` messages on the bus, such as one with an oversized title, whose producer got no error. Events
/// from the intake are valid and are skipped.
///
/// The replicas share the work: each message is reviewed once.
struct RequestReview: Sendable {
    /// The name of the shared reading.
    static let name = "approval-requests"
    /// The subjects of requests. Malformed ones on the bare `events.<tenant>`, whose type is a header, are skipped and logged by their readers.
    private static let filter = "events.*.\(Approval.Request.typeName)"

    private let reading: SharedReading

    init(letters: DeadLetters, logger: Logger) {
        reading = SharedReading(name: Self.name, filter: Self.filter, letters: letters, logger: logger)
    }

    /// Why the reading of requests is stopped, for `/readyz`; nil while it runs.
    var fault: String? { reading.fault }

    /// Reviews until the task is cancelled.
    func run() async throws {
        try await reading.run { Self.review($0) }
    }

    /// Reviews one event.
    static func review(_ entry: LogEntry) -> WorkOutcome {
        let place = LogPlace(sequence: entry.sequence, intake: entry.intake)
        guard Approval.Request(entry.event, at: place) != nil else { return .failed("The event is not a valid approval request.") }
        return .done
    }
}
