import NATSClient
import Synchronization

/// Counts entries that left the log before a durable consumer delivered them.
///
/// Each delivery has its consumer sequence and the number of pending messages. Between two deliveries, pending falls by one per delivery in
/// between, to any process, and grows with appends. Where it falls by more, at least the difference was dropped; appends can hide some, so the
/// count is a lower bound. The server's figures are not validated, so the sum saturates.
final class Backlog: Sendable {
    private struct State {
        var last: DeliveryMetadata?
        var missed: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Lower bound of the number of missed entries.
    var missed: UInt64 { state.withLock { $0.missed } }

    /// Records a delivery. Returns how many entries were missed at least since the previous one.
    func delivered(_ metadata: DeliveryMetadata) -> UInt64 {
        state.withLock { state in
            // A redelivery is not pending and does not count.
            guard metadata.deliveryCount == 1 else { return 0 }
            defer { state.last = metadata }
            // A lower number is another consumer's.
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
