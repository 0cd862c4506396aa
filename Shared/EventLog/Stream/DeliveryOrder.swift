/// Whether a push consumer's deliveries arrive without a gap.
///
/// A consumer numbers what it delivers from 1. Holes in the *stream's* sequence are no gap: messages may have been deleted, have expired,
/// or not match the filter. A hole in the *consumer's* is one: something was sent and did not arrive.
struct DeliveryOrder: Sendable {
    private var delivered: UInt64 = 0

    /// A message came. Returns whether it is the next one.
    mutating func messageArrived(consumerSequence: UInt64) -> Bool {
        guard consumerSequence == delivered + 1 else { return false }
        delivered = consumerSequence
        return true
    }

    /// A sign of life came, which names the last message that was sent. Returns whether that has arrived.
    func heartbeatArrived(lastConsumerSequence: UInt64) -> Bool { lastConsumerSequence == delivered }
}
