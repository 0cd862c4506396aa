import Basics
import Logging
import NATSClient

/// The outcome of work on a log entry.
public enum WorkOutcome: Sendable, Hashable {
    /// Done.
    case done
    /// A temporary failure, with its reason: retried with backoff.
    case later(String)
    /// A permanent failure, with its reason: becomes a ``DeadLetter``.
    case failed(String)

    /// Returns the outcome for an error of the log.
    public static func of(_ error: EventLogError) -> WorkOutcome {
        switch error.code {
        case _ where error.isRetriable, .notWritable, .incompatibleStream, .cancelled, .closed: .later(error.message)
        default: .failed(error.message)
        }
    }
}

/// A log entry in work.
struct WorkItem: Sendable {
    let work: String
    let subject: String
    let sequence: UInt64
    /// Number of attempts, this one included.
    let attempts: UInt64
    /// Distinguishes several letters about the same entry.
    var occasion = ""
}

extension DeadLetters {
    /// Stores a letter for failed work, and returns the acknowledgement for the server.
    func settle(_ item: WorkItem, _ outcome: WorkOutcome, _ logger: Logger) async -> JetStream.Acknowledgement {
        let reason: String
        switch outcome {
        case .done: return .done
        case .later(let why) where item.attempts < WorkRetry.maximumAttempts:
            // A short time without a leader is not worth a log line.
            if item.attempts > 2 {
                logger.notice(
                    "work cannot be done now and comes again",
                    metadata: [
                        LogKey.work: "\(item.work)", LogKey.sequence: "\(item.sequence)", LogKey.attempts: "\(item.attempts)",
                        LogKey.error: "\(why)",
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
