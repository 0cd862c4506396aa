import Logging
import NATSClient

/// What becomes of work on an entry of the log.
public enum WorkOutcome: Sendable, Hashable {
    /// It is done.
    case done
    /// Something outside of it kept it from being done, as the sentence says: it comes again, later each time.
    case later(String)
    /// It failed for its content, as the sentence says, and would fail again: it is set aside as a ``DeadLetter``.
    case failed(String)

    /// What a failure of the log means to the work on one entry.
    public static func of(_ error: EventLogError) -> WorkOutcome {
        switch error.code {
        case _ where error.isRetriable, .notWritable, .incompatibleStream, .cancelled, .closed: .later(error.message)
        default: .failed(error.message)
        }
    }
}

/// An entry of the log that is being worked on.
struct WorkItem: Sendable {
    let work: String
    let subject: String
    let sequence: UInt64
    /// How often it was tried, this time included.
    let attempts: UInt64
    /// Tells apart several letters about the same entry.
    var occasion = ""
}

extension DeadLetters {
    /// Sets aside what failed, and says what the server is to do with the message.
    func settle(_ item: WorkItem, _ outcome: WorkOutcome, _ logger: Logger) async -> JetStream.Acknowledgement {
        let reason: String
        switch outcome {
        case .done: return .done
        case .later(let why) where item.attempts < WorkRetry.maximumAttempts:
            // A moment without a leader is nothing to tell of.
            if item.attempts > 2 {
                logger.notice(
                    "work cannot be done now and comes again",
                    metadata: [
                        "log.reading": "\(item.work)", "log.sequence": "\(item.sequence)", "attempts": "\(item.attempts)",
                        "error": "\(why)",
                    ]
                )
            }
            return .again(after: WorkRetry.delay(after: item.attempts))
        case .later(let why): reason = "Given up after \(item.attempts) attempts. \(why)"
        case .failed(let why): reason = why
        }
        do throws(EventLogError) {
            try await put(
                work: item.work,
                subject: item.subject,
                sequence: item.sequence,
                reason: reason,
                attempts: item.attempts,
                occasion: item.occasion
            )
            return .never
        } catch {
            return .again(after: WorkRetry.delay(after: item.attempts))
        }
    }
}
