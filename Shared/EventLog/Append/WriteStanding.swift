import Basics
import NATSClient
import Synchronization

/// Remembers per stream the last refused append whose cause concerns more than its message, until an append succeeds.
///
/// Any thread.
final class WriteStanding: Sendable {
    /// A refused append.
    struct Refusal: Sendable {
        /// The cause, as far as it decides how the end of the refusal is detected.
        enum Reason: Sendable {
            /// Permission denied, no stream for the subject, or a sealed stream: detected by a probe.
            case place
            /// No room.
            case room

            /// Nil for errors that concern one message, and for outages.
            init?(_ error: JetStreamError) {
                switch error.code {
                case .notPermitted, .noResponders, .sealed: self = .place
                case .storeFailed, .insufficientResources, .api(10047), .api(10028): self = .room
                default: return nil
                }
            }
        }

        let reason: Reason
        let error: EventLogError
        let subject: String
        /// The message's size as `max_payload` counts it, in bytes.
        let size: Int
        let metAt: ContinuousClock.Instant
    }

    private let refusals = Mutex<[String: Refusal]>([:])

    /// The last refusal of a stream; nil after a stored append.
    func refusal(of stream: String) -> Refusal? { refusals.withLock { $0[stream] } }

    /// Records a stored append.
    func stored(in stream: String) {
        refusals.withLock { refusals in
            if !refusals.isEmpty { refusals[stream] = nil }
        }
    }

    /// Records a refused append.
    func refused(_ refusal: Refusal, by stream: String) { refusals.withLock { $0[stream] = refusal } }

    /// Removes a refusal, unless a later one replaced it.
    func isOver(_ refusal: Refusal, of stream: String) {
        refusals.withLock { refusals in
            if refusals[stream]?.metAt == refusal.metAt { refusals[stream] = nil }
        }
    }
}
