import CNATS
import Synchronization

/// What nats.c holds for a subscription: the handler, and whether it may still be called.
private final class SubscriptionContext: Sendable {
    let handler: @Sendable (borrowing NATSDelivery) -> Void
    let gate: DeliveryGate

    init(handler: @escaping @Sendable (borrowing NATSDelivery) -> Void, gate: DeliveryGate) {
        self.handler = handler
        self.gate = gate
    }
}

/// Whether the handler of a subscription may be called; known to both sides, so that the side of the caller does not keep the handler alive.
private final class DeliveryGate: Sendable {
    let isClosed = Atomic(false)
}

/// A subscription and its lifetime, which may begin before there is a connection to subscribe on, and spans several: on each it is another
/// `natsSubscription`.
final class CNATSSubscription: Sendable {
    private typealias Handler = @Sendable (borrowing NATSDelivery) -> Void

    /// The present `natsSubscription`.
    private struct Active {
        let handle: CNATSPointer
        let connection: CNATSConnection
        let gate: DeliveryGate

        /// Nothing more of it is delivered, and it is freed.
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

    /// Describes a subscription; ``begin(on:)`` begins it.
    init(subject: String, queue: String?, isUnbounded: Bool, handler: @escaping @Sendable (borrowing NATSDelivery) -> Void) {
        self.subject = subject
        self.queue = queue
        self.isUnbounded = isUnbounded
        state = Mutex(State(handler: handler))
    }

    /// Whether nothing more will come of it.
    var hasEnded: Bool { state.withLock { $0.handler == nil } }

    /// Subscribes, unless that has been done or the subscription has ended. What it was on another connection, which has ended, is freed.
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

    /// Ends the subscription. Any thread, that of its own handler included; a second call does nothing.
    ///
    /// The library forgets it at once, also while the connection is away; what it cannot do then is to tell the server, which is of no
    /// consequence: the next connection begins without it.
    func end() {
        // The handler is released with this value, outside of the lock: what it holds may end subscriptions of its own.
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

    /// Makes the `natsSubscription`.
    ///
    /// The context is retained for nats.c until its on-complete callback, which comes after the last call of the handler, when the
    /// subscription or its connection has ended.
    private func subscribe(
        on connection: CNATSConnection,
        gate: DeliveryGate,
        handler: @escaping @Sendable (borrowing NATSDelivery) -> Void
    ) throws(NATSError) -> CNATSPointer {
        let context = Unmanaged.passRetained(SubscriptionContext(handler: handler, gate: gate))
        var created: OpaquePointer?
        var status =
            if let queue {
                natsConnection_QueueSubscribe(&created, connection.raw, subject, queue, messageArrived, context.toOpaque())
            } else {
                natsConnection_Subscribe(&created, connection.raw, subject, messageArrived, context.toOpaque())
            }
        guard status == NATS_OK, let created else {
            // Without a subscription there is no callback.
            context.release()
            throw NATSError(status, while: "Subscribing")
        }
        status = natsSubscription_SetOnCompleteCB(created, subscriptionCompleted, context.toOpaque())
        if status == NATS_OK, isUnbounded {
            // Should it fail, the context is released by the callback all the same.
            status = natsSubscription_SetPendingLimits(created, -1, -1)
        }
        guard status == NATS_OK else {
            // If it was the callback that could not be set, the connection was closed in between. nats.c then gives no sign of when it has used the
            // context for the last time, so this one, a few bytes in a process that lost its connection for good, is not released.
            gate.isClosed.store(true, ordering: .releasing)
            natsSubscription_Unsubscribe(created)
            connection.retire(CNATSPointer(raw: created))
            throw NATSError(status, while: "Subscribing")
        }
        return CNATSPointer(raw: created)
    }
}

/// A message for a subscription. nats.c calls this on the delivery thread of the subscription, one message after another in the order
/// in which the server sent them. `message` is ours to destroy; `closure` is the context that `open` retained, valid until `subscriptionCompleted`.
private func messageArrived(_: OpaquePointer?, _: OpaquePointer?, _ message: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let message, let closure else { return }
    let delivery = NATSDelivery(owning: message)
    let context = Unmanaged<SubscriptionContext>.fromOpaque(closure).takeUnretainedValue()
    guard !context.gate.isClosed.load(ordering: .acquiring) else { return }
    context.handler(delivery)
}

/// The last callback of a subscription, on its delivery thread, and the one place where the context that `open` retained is released.
private func subscriptionCompleted(_ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    Unmanaged<SubscriptionContext>.fromOpaque(closure).release()
}
