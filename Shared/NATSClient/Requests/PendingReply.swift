import Basics

/// A caller waiting for an answer.
///
/// The ``RequestTable`` calls exactly one of the two methods.
protocol PendingReply: Sendable {
    /// The request's subject.
    var subject: String { get }
    /// Delivers the answer. Called on a delivery thread of nats.c; must not block.
    func resolve(with delivery: borrowing NATSDelivery)
    /// Reports that no answer will come. Called on any thread; must not block.
    func fail(with error: NATSError)
}

/// Decodes one answer for a waiting task.
struct AwaitedReply<Value: Sendable>: PendingReply {
    let subject: String
    let result = OneShot<Result<Value, NATSError>>()
    /// Decodes the value during the delivery, so that unused parts are not copied.
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
