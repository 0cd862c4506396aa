import NATSClient
import Synchronization

/// Counts entries that left the log before a durable consumer delivered them, from what the server says of its deliveries.
///
/// A delivery tells its number among the consumer's deliveries and how many messages are still to come. Between two deliveries the second figure
/// falls by one for each delivery in between, to whichever process, and grows by what is appended. Where it falls by more, at least the
/// difference was dropped. Appended messages can hide some: the count is a lower bound.
/// What the server says is believed as it is, so the sum stops at the largest number.
final class Backlog: Sendable {
    private struct State {
        var last: DeliveryMetadata?
        var missed: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How many were missed at least.
    var missed: UInt64 { state.withLock { $0.missed } }

    /// A message was delivered. Returns how many were missed at least since the one before.
    func delivered(_ metadata: DeliveryMetadata) -> UInt64 {
        state.withLock { state in
            // A message that comes again does not count: it was to come no more.
            guard metadata.deliveryCount == 1 else { return 0 }
            defer { state.last = metadata }
            // A lower number is that of another consumer.
            guard let last = state.last, metadata.consumerSequence > last.consumerSequence else { return 0 }
            let deliveries = metadata.consumerSequence - last.consumerSequence
            let expected = last.pending - min(last.pending, deliveries)
            let missed = expected - min(expected, metadata.pending)
            let (sum, overflow) = state.missed.addingReportingOverflow(missed)
            state.missed = overflow ? .max : sum
            return missed
        }
    }
}
