import Basics
import NATSClient
import Synchronization

/// Remembers, for each stream, the last append that was refused for a reason that concerns more than its message, until one is stored.
///
/// Any thread.
final class WriteStanding: Sendable {
    /// An append that the bus refused.
    struct Refusal: Sendable {
        /// Why, as far as it decides what ends it.
        enum Reason: Sendable {
            /// The user may not publish on the subject, no stream takes it, or the stream takes nothing: seen by trying again.
            case place
            /// There is no room.
            case room

            /// Nil for what concerns one message alone, and for outages.
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
        /// What the message takes of the server's `max_payload`, in bytes.
        let size: Int
        let metAt: ContinuousClock.Instant
    }

    private let refusals = Mutex<[String: Refusal]>([:])

    /// Why the last append to a stream was refused; nil when it was stored.
    func refusal(of stream: String) -> Refusal? { refusals.withLock { $0[stream] } }

    /// An append was stored.
    func stored(in stream: String) {
        refusals.withLock { refusals in
            if !refusals.isEmpty { refusals[stream] = nil }
        }
    }

    /// An append was refused.
    func refused(_ refusal: Refusal, by stream: String) { refusals.withLock { $0[stream] = refusal } }

    /// A refusal is over. One that was met later stays.
    func isOver(_ refusal: Refusal, of stream: String) {
        refusals.withLock { refusals in
            if refusals[stream]?.metAt == refusal.metAt { refusals[stream] = nil }
        }
    }
}
