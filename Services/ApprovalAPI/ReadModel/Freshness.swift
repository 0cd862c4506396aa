import Basics
import EventLog
import HTTPAPI
import NATSClient
import ServiceRuntime

/// Makes an answer as new as its question: what the log had acknowledged when a request came, its answer knows.
///
/// It asks the log for its end and waits until the model is there. So a client that was told of something by any edge finds it here at once, and one
/// that wrote something reads it back, on whichever replica.
struct Freshness: Sendable {
    private let model: ReadModel
    private let log: SingleFlight<LogBounds>
    private let inbox: SingleFlight<UInt64>
    /// How long a request waits for the model. It is milliseconds behind, unless it is being made anew.
    private let patience: Duration

    init(model: ReadModel, log: EventLog, inbox: InboxStream, patience: Duration) {
        self.model = model
        self.patience = patience
        self.log = SingleFlight { try await log.bounds() }
        self.inbox = SingleFlight { try await inbox.end() }
    }

    /// Waits until the model knows all that the log held at this call.
    ///
    /// - Returns: what the log held.
    /// - Throws: `service_unavailable`.
    @discardableResult
    func ofLog() async throws -> LogBounds {
        let bounds: LogBounds
        do {
            bounds = try await log.value()
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        guard model.logEpoch == bounds.epoch, await model.log.wait(for: bounds.lastSequence, atMost: patience) else {
            throw Unavailable.catchingUp
        }
        return bounds
    }

    /// Waits until the model knows all read marks that were stored at this call.
    ///
    /// - Throws: `service_unavailable`.
    func ofInbox() async throws {
        let end: UInt64
        do {
            end = try await inbox.value()
        } catch let error as JetStreamError {
            throw Unavailable.because(error)
        }
        guard await model.inbox.wait(for: end, atMost: patience) else { throw Unavailable.catchingUp }
    }
}

/// Answers for when a request cannot be served just now.
enum Unavailable {
    /// The log did not do what was asked.
    static func because(_ error: EventLogError) -> APIError {
        APIError(error)
    }

    /// The read marks' stream did not do what was asked.
    static func because(_ error: JetStreamError) -> APIError {
        APIError(error)
    }

    /// The model is being made, or made anew.
    static let catchingUp = APIError.serviceUnavailable(
        "This process is still reading the event log: try again in a moment.",
        retryAfter: 1
    )
}
