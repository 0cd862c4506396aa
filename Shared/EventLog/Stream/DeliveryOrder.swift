/// Detects lost deliveries of a push consumer.
///
/// A consumer numbers its deliveries from 1. Holes in the *stream's* sequence are normal: messages were deleted, expired, or did not match the
/// filter. A hole in the *consumer's* sequence is a lost delivery.
struct DeliveryOrder: Sendable {
    private var delivered: UInt64 = 0

    /// Records a delivery. Returns whether it is the next one.
    mutating func messageArrived(consumerSequence: UInt64) -> Bool {
        guard consumerSequence == delivered + 1 else { return false }
        delivered = consumerSequence
        return true
    }

    /// Checks a heartbeat, which names the last delivery. Returns whether that has arrived.
    func heartbeatArrived(lastConsumerSequence: UInt64) -> Bool { lastConsumerSequence == delivered }
}
