import Logging
import NATSClient
import Synchronization

/// Receives the deliveries of a ``StreamConsumer``.
///
/// Called on the bus's delivery thread, one call at a time, with the consumer's lock held: a delegate must not start or stop the consumer
/// within a call.
protocol StreamConsumerDelegate: AnyObject, Sendable {
    /// Delivers the next message. No earlier delivery is missing.
    func messageDelivered(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata)

    /// Reports that all matching messages up to this stream sequence were delivered. There may already be more behind it: the server also says this
    /// while it waits for a flow control answer.
    func everythingDelivered(through sequence: UInt64)

    /// Reports a lost delivery: the consumer must be replaced. May be called on another thread, and more than once.
    func deliveryBroken()
}

/// Reads the stream from a sequence on, through an ephemeral push consumer.
///
/// Answers flow control, detects lost deliveries by the consumer's sequence, and tracks the server's silence. After a loss the owner
/// replaces the consumer; it is never repaired. (nats.c's ordered consumer is not used: reset before its first message it begins at 1, and it
/// was silent for seconds when a server of a cluster died.)
final class StreamConsumer: Sendable {
    /// What to read.
    struct Selection: Sendable {
        /// Starts with the first message behind this sequence.
        var after: UInt64
        /// The subject filter; nil for all subjects.
        var filter: String?
        /// Heartbeat interval when idle; at least 100 ms.
        var heartbeat: Duration
        /// Maximum number of messages in flight; nil for the megabytes of flow control.
        var window: UInt64?
    }

    private struct State {
        var order = DeliveryOrder()
        var isActive = true
        var heardAt = ContinuousClock.now
    }

    private let log: EventLog
    private let window: UInt64?
    private let delegate: any StreamConsumerDelegate
    private let state = Mutex(State())
    private let isIntact = Atomic<Bool>(true)
    private let subscription = Mutex<NATSSubscription?>(nil)
    private let created = Mutex<ConsumerInfo?>(nil)
    private let observation = Mutex<UInt64?>(nil)

    private init(log: EventLog, window: UInt64?, delegate: any StreamConsumerDelegate) {
        self.log = log
        self.window = window
        self.delegate = delegate
    }

    /// Starts reading. The delegate may be called before this returns.
    static func start(
        _ selection: Selection,
        on log: EventLog,
        delegate: any StreamConsumerDelegate
    ) async throws(EventLogError) -> StreamConsumer {
        let consumer = StreamConsumer(log: log, window: selection.window, delegate: delegate)
        let observation = log.watch.add { [weak consumer] state in
            if state != .connected { consumer?.connectionLost() }
        }
        consumer.observation.withLock { $0 = observation }
        let inbox = log.connection.newInbox()
        do throws(NATSError) {
            // Unbounded, because flow control is the limit.
            let subscription = try log.connection.subscribe(inbox, isUnbounded: true) { consumer.handle($0) }
            consumer.subscription.withLock { $0 = subscription }
        } catch {
            consumer.stop()
            throw EventLogError(error)
        }
        var configuration = ConsumerConfiguration.push(to: inbox, from: .startSequence(selection.after + 1), filter: selection.filter)
        configuration.flowControl = true
        if let window = selection.window {
            configuration.ackPolicy = .all
            configuration.maxAckPending = Int(window)
        }
        configuration.idleHeartbeat = selection.heartbeat
        do throws(JetStreamError) {
            let info = try await log.jetStream.createConsumer(stream: log.configuration.streamName, configuration)
            consumer.created.withLock { $0 = info }
        } catch {
            consumer.stop()
            throw EventLogError(error)
        }
        return consumer
    }

    /// Whether there was nothing to deliver at the start.
    var beganAtEnd: Bool { created.withLock { $0.map { $0.pending == 0 && $0.delivered.consumerSequence == 0 } ?? false } }

    /// Whether no loss was detected so far. Any thread.
    var isUnbroken: Bool { isIntact.load(ordering: .acquiring) }

    /// Time since the server's last message. Zero while the delegate is busy: a backlog is not silence.
    func silence(now: ContinuousClock.Instant = .now) -> Duration {
        state.withLockIfAvailable { now - $0.heardAt } ?? .zero
    }

    /// Stops reading. When this returns, no call of the delegate is running and none will begin.
    func stop() {
        state.withLock { $0.isActive = false }
        observation.withLock { observation in
            if let observation { log.watch.remove(observation) }
            observation = nil
        }
        subscription.withLock { subscription in
            subscription?.unsubscribe()
            subscription = nil
        }
        guard let name = created.withLock({ $0?.name }) else { return }
        // Optional: without interest in its subject the server removes the consumer a few seconds later.
        try? log.connection.publish(subject: "$JS.API.CONSUMER.DELETE.\(log.configuration.streamName).\(name)")
    }

    /// Handles a message from the server, on the bus's delivery thread.
    private func handle(_ delivery: borrowing NATSDelivery) {
        state.withLock { state in
            guard state.isActive else { return }
            state.heardAt = .now
            // A stored message has an acknowledgement subject as its reply. Check that first, so that no producer's header can make a message look like
            // one of the server's.
            if let metadata = delivery.metadata {
                guard state.order.messageArrived(consumerSequence: metadata.consumerSequence) else { return breakOff(&state) }
                delegate.messageDelivered(delivery, metadata)
                state.heardAt = .now
                if let window, metadata.consumerSequence % (window / 2) == 0, let reply = delivery.reply {
                    try? log.connection.publish(subject: reply, payload: Array("+ACK".utf8))
                }
            } else if delivery.status == 100 {
                answer(delivery, &state)
            }
        }
    }

    /// Handles a flow control request or a heartbeat.
    private func answer(_ delivery: borrowing NATSDelivery, _ state: inout State) {
        if let reply = delivery.reply {
            try? log.connection.publish(subject: reply)
            return
        }
        // A flow control request was lost; the server waits for its answer.
        if let stalled = delivery.header("Nats-Consumer-Stalled") { try? log.connection.publish(subject: stalled) }
        guard let last = delivery.header("Nats-Last-Consumer").flatMap({ UInt64($0) }),
            let through = delivery.header("Nats-Last-Stream").flatMap({ UInt64($0) })
        else { return }
        guard state.order.heartbeatArrived(lastConsumerSequence: last) else { return breakOff(&state) }
        delegate.everythingDelivered(through: through)
    }

    private func breakOff(_ state: inout State) {
        state.isActive = false
        connectionLost()
    }

    /// Handles a lost connection: deliveries sent meanwhile are lost, even if the consumer survives. On the connection's queue.
    private func connectionLost() {
        isIntact.store(false, ordering: .releasing)
        delegate.deliveryBroken()
    }
}
