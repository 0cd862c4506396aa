/// A subscription; ends with ``unsubscribe()`` or with its last reference.
///
/// It survives the loss of the server: it is renewed on the next one.
public final class NATSSubscription: Sendable {
    private let subscription: CNATSSubscription

    init(_ subscription: CNATSSubscription) {
        self.subscription = subscription
    }

    deinit {
        subscription.end()
    }

    /// The subscribed subject.
    public var subject: String { subscription.subject }

    /// Ends the subscription. No call of the handler begins after it returns; one on another thread may still run.
    ///
    /// Idempotent. Any thread, the handler's included. Queued messages are dropped. The handler is released soon after, on its delivery thread.
    /// Blocks for at most ``NATSConfiguration/writeDeadline`` if the server does not read.
    public func unsubscribe() {
        subscription.end()
    }
}
