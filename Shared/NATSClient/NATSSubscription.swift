/// Interest in a subject, until ``unsubscribe()`` or until the last reference to it is gone.
///
/// It outlives the loss of the server: nats.c subscribes again on the next one.
public final class NATSSubscription: Sendable {
    private let subscription: CNATSSubscription

    init(_ subscription: CNATSSubscription) {
        self.subscription = subscription
    }

    deinit {
        subscription.end()
    }

    /// What is subscribed to.
    public var subject: String { subscription.subject }

    /// Ends the interest. After it returns no call of the handler begins; one that had begun on another thread may still run.
    ///
    /// May be called from any thread, from the handler itself too, and more than once. Messages that wait for the handler are dropped. The
    /// handler and what it holds are released soon after, on the thread that delivered to it. A server that does not read can hold the call up for
    /// at most ``NATSConfiguration/writeDeadline``.
    public func unsubscribe() {
        subscription.end()
    }
}
