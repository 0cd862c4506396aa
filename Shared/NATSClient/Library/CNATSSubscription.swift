import CNATS
import Synchronization

/// The closure that nats.c retains for a subscription: the handler and its gate.
private final class SubscriptionContext: Sendable {
    let handler: @Sendable (borrowing NATSDelivery) -> Void
    let gate: DeliveryGate

    init(handler: @escaping @Sendable (borrowing NATSDelivery) -> Void, gate: DeliveryGate) {
        self.handler = handler
        self.gate = gate
    }
}

/// Tells whether the handler may be called. Held by both sides, so that the caller's side does not retain the handler.
private final class DeliveryGate: Sendable {
    let isClosed = Atomic(false)
}

/// A subscription that spans connections: it may begin before the first one, and has a new `natsSubscription` on each.
final class CNATSSubscription: Sendable {
    private typealias Handler = @Sendable (borrowing NATSDelivery) -> Void

    /// The current `natsSubscription`.
    private struct Active {
        let handle: CNATSPointer
        let connection: CNATSConnection
        let gate: DeliveryGate

        /// Stops delivery and frees the `natsSubscription`.
        func retire() {
            gate.isClosed.store(true, ordering: .releasing)
            connection.retire(handle)
        }
    }

    private struct State {
        /// Nil once the subscription has ended.
        var handler: Handler?
        var active: Active?
    }

    let subject: String
    private let queue: String?
    private let isUnbounded: Bool
    private let state: Mutex<State>

    /// Creates a subscription; ``begin(on:)`` starts it.
    init(subject: String, queue: String?, isUnbounded: Bool, handler: @escaping @Sendable (borrowing NATSDelivery) -> Void) {
        self.subject = subject
        self.queue = queue
        self.isUnbounded = isUnbounded
        state = Mutex(State(handler: handler))
    }

    /// Whether the subscription has ended.
    var hasEnded: Bool { state.withLock { $0.handler == nil } }

    /// Subscribes on a connection, unless done or ended. Frees the `natsSubscription` of the previous, closed connection.
    func begin(on connection: CNATSConnection) throws(NATSError) {
        try state.withLock { state throws(NATSError) in
            guard let handler = state.handler, state.active?.connection !== connection else { return }
            state.active?.retire()
            state.active = nil
            let gate = DeliveryGate()
            let handle = try subscribe(on: connection, gate: gate, handler: handler)
            state.active = Active(handle: handle, connection: connection, gate: gate)
        }
    }

    /// Ends the subscription. Idempotent. Any thread, its handler's included.
    ///
    /// nats.c removes it at once. While disconnected it cannot notify the server, but the next connection starts without the subscription.
    func end() {
        // Release the handler outside the lock: what it retains may end other subscriptions.
        let ended = state.withLock { state in
            let ended = state
            state = State()
            return ended
        }
        guard let active = ended.active else { return }
        active.gate.isClosed.store(true, ordering: .releasing)
        natsSubscription_Unsubscribe(active.handle.raw)
        active.connection.retire(active.handle)
    }

    /// Creates the `natsSubscription`.
    ///
    /// nats.c retains the context until the on-complete callback, which comes after the last call of the handler, when the subscription or
    /// its connection has ended.
    private func subscribe(
        on connection: CNATSConnection,
        gate: DeliveryGate,
        handler: @escaping @Sendable (borrowing NATSDelivery) -> Void
    ) throws(NATSError) -> CNATSPointer {
        if let polled = connection.polled { return try subscribe(on: connection, polled, gate: gate, handler: handler) }
        let context = Unmanaged.passRetained(SubscriptionContext(handler: handler, gate: gate))
        var created: OpaquePointer?
        var status =
            if let queue {
                natsConnection_QueueSubscribe(&created, connection.raw, subject, queue, messageArrived, context.toOpaque())
            } else {
                natsConnection_Subscribe(&created, connection.raw, subject, messageArrived, context.toOpaque())
            }
        guard status == NATS_OK, let created else {
            // No subscription, no callback.
            context.release()
            throw NATSError(status, while: "Subscribing")
        }
        status = natsSubscription_SetOnCompleteCB(created, subscriptionCompleted, context.toOpaque())
        if status == NATS_OK, isUnbounded {
            // On failure too, the callback releases the context.
            status = natsSubscription_SetPendingLimits(created, -1, -1)
        }
        guard status == NATS_OK else {
            // If setting the callback failed, the connection was closed in between. When nats.c last uses the context is then unknown, so these few
            // bytes leak, in a process that lost its connection for good.
            gate.isClosed.store(true, ordering: .releasing)
            natsSubscription_Unsubscribe(created)
            connection.retire(CNATSPointer(raw: created))
            throw NATSError(status, while: "Subscribing")
        }
        return CNATSPointer(raw: created)
    }

    /// Creates the `natsSubscription` of a polled connection, whose messages the ``PollingThread`` fetches.
    private func subscribe(
        on connection: CNATSConnection,
        _ polled: PolledSocket,
        gate: DeliveryGate,
        handler: @escaping @Sendable (borrowing NATSDelivery) -> Void
    ) throws(NATSError) -> CNATSPointer {
        var created: OpaquePointer?
        var status =
            if let queue {
                natsConnection_QueueSubscribeSync(&created, connection.raw, subject, queue)
            } else {
                natsConnection_SubscribeSync(&created, connection.raw, subject)
            }
        guard status == NATS_OK, let created else { throw NATSError(status, while: "Subscribing") }
        let handle = CNATSPointer(raw: created)
        if isUnbounded { status = natsSubscription_SetPendingLimits(created, -1, -1) }
        guard status == NATS_OK else {
            connection.retire(handle)
            throw NATSError(status, while: "Subscribing")
        }
        polled.add(
            PolledSocket.Subscription(handle: handle) { delivery in
                if !gate.isClosed.load(ordering: .acquiring) { handler(delivery) }
            }
        )
        return handle
    }
}

/// Receives a message. nats.c calls this on the subscription's delivery thread, in the server's order. `message` is ours to destroy;
/// `closure` is the context that `open` retained, valid until `subscriptionCompleted`.
private func messageArrived(_: OpaquePointer?, _: OpaquePointer?, _ message: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let message, let closure else { return }
    let delivery = NATSDelivery(owning: message)
    let context = Unmanaged<SubscriptionContext>.fromOpaque(closure).takeUnretainedValue()
    guard !context.gate.isClosed.load(ordering: .acquiring) else { return }
    context.handler(delivery)
}

/// The last callback of a subscription, on its delivery thread. Releases the context that `open` retained; nothing else does.
private func subscriptionCompleted(_ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    Unmanaged<SubscriptionContext>.fromOpaque(closure).release()
}
