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

/// A `natsSubscription` and its lifetime, which may begin before there is a connection to subscribe on.
final class LibrarySubscription: Sendable {
    private enum Phase {
        case waiting(@Sendable (borrowing NATSDelivery) -> Void)
        case active(LibraryPointer, on: LibraryConnection)
        case ended
    }

    let subject: String
    private let queue: String?
    private let isUnbounded: Bool
    private let gate = DeliveryGate()
    private let phase: Mutex<Phase>

    /// Describes a subscription; ``begin(on:)`` begins it.
    init(subject: String, queue: String?, isUnbounded: Bool, handler: @escaping @Sendable (borrowing NATSDelivery) -> Void) {
        self.subject = subject
        self.queue = queue
        self.isUnbounded = isUnbounded
        phase = Mutex(.waiting(handler))
    }

    /// Whether nothing more will come of it.
    var hasEnded: Bool { gate.isClosed.load(ordering: .acquiring) }

    /// Subscribes, unless that has been done or the subscription has ended.
    func begin(on connection: LibraryConnection) throws(NATSError) {
        try phase.withLock { phase throws(NATSError) in
            guard case .waiting(let handler) = phase else { return }
            phase = .ended
            phase = .active(try subscribe(on: connection, handler: handler), on: connection)
        }
    }

    /// Ends the subscription. Any thread, that of its own handler included; a second call does nothing.
    ///
    /// The library forgets it at once, also while the connection is away; what it cannot do then is to tell the server, which is of no
    /// consequence: the next connection begins without it.
    func end() {
        gate.isClosed.store(true, ordering: .releasing)
        let ended = phase.withLock { phase in
            defer { phase = .ended }
            return phase
        }
        if case .active(let handle, let connection) = ended {
            natsSubscription_Unsubscribe(handle.raw)
            connection.retire(handle)
        }
    }

    /// Makes the `natsSubscription`.
    ///
    /// The context is retained for nats.c until its on-complete callback, which comes after the last call of the handler, when the
    /// subscription or its connection has ended.
    private func subscribe(
        on connection: LibraryConnection,
        handler: @escaping @Sendable (borrowing NATSDelivery) -> Void
    ) throws(NATSError) -> LibraryPointer {
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
            connection.retire(LibraryPointer(raw: created))
            throw NATSError(status, while: "Subscribing")
        }
        return LibraryPointer(raw: created)
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
