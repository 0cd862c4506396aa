import Basics

/// A caller that waits for an answer.
///
/// The ``RequestTable`` gives it exactly one of the two.
protocol PendingReply: Sendable {
    /// The answer came. Called on a delivery thread of nats.c; must not block.
    func resolve(with delivery: borrowing NATSDelivery)
    /// There will be no answer. Called on any thread; must not block.
    func fail(with error: NATSError)
}

/// One message that a task waits for, made into a value.
struct AwaitedReply<Value: Sendable>: PendingReply {
    let result = OneShot<Result<Value, NATSError>>()
    /// Makes the value while the message is at hand, so that what is not needed of it is never copied.
    let decode: @Sendable (borrowing NATSDelivery) -> Result<Value, NATSError>

    func resolve(with delivery: borrowing NATSDelivery) {
        guard delivery.status != 503 else {
            result.settle(.failure(NATSError(.noResponders, "Nobody answers on this subject.")))
            return
        }
        result.settle(decode(delivery))
    }

    func fail(with error: NATSError) {
        result.settle(.failure(error))
    }
}
