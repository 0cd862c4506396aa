import Logging
import NATSClient
import Synchronization

/// Who gets what a ``StreamConsumer`` delivers.
///
/// Called on the bus's delivery thread, one call at a time, with the consumer's lock held: a delegate must not start or stop the consumer
/// from within a call.
protocol StreamConsumerDelegate: AnyObject, Sendable {
    /// The next message. Nothing that the consumer sent before it is missing.
    func messageDelivered(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata)

    /// All that is to be delivered up to this sequence of the stream was delivered: between the last message and here there is nothing.
    /// Beyond it there may be more, already now: the server also says this while it waits for its flow control to be answered.
    func everythingDelivered(through sequence: UInt64)

    /// Something was lost on the way: the reading is of no more use. Unlike the others, may be called on another thread and more than once.
    func deliveryBroken()
}

/// One reading of the stream: an ephemeral push consumer, from a sequence on.
///
/// It answers flow control, checks that what the server numbered arrives without a gap, and knows when it last heard of the server.
/// What to do about a loss is its owner's: a consumer is never repaired, only replaced. (nats.c's own ordered consumer is not used: reset
/// before its first message it begins at 1, and it was silent for seconds when a server of a cluster died.)
final class StreamConsumer: Sendable {
    /// What to read.
    struct Selection: Sendable {
        /// Begins with the first message behind this sequence.
        var after: UInt64
        /// Only messages of subjects that match; nil for all.
        var filter: String?
        /// How soon the server says so when there is nothing more; at least 100 ms.
        var heartbeat: Duration
        /// How many messages the server may send before it hears of us; nil for the megabytes of flow control. For readings that end soon:
        /// what is still sent then is sent for nothing.
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

    /// Begins to read. The delegate may be called before this returns.
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
            // Unbounded, because flow control is the bound.
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

    /// Whether there was nothing to deliver when the reading began.
    var beganAtEnd: Bool { created.withLock { $0.map { $0.pending == 0 && $0.delivered.consumerSequence == 0 } ?? false } }

    /// Whether everything that was sent has arrived so far, as far as one can know. Any thread.
    var isUnbroken: Bool { isIntact.load(ordering: .acquiring) }

    /// How long nothing was heard of the server. Zero while the delegate is busy: its backlog is no silence.
    func silence(now: ContinuousClock.Instant = .now) -> Duration {
        state.withLockIfAvailable { now - $0.heardAt } ?? .zero
    }

    /// Ends the reading. When this returns, no call of the delegate is under way and none will begin.
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
        // A kindness: without interest in its subject the server removes the consumer by itself, a few seconds later.
        try? log.connection.publish(subject: "$JS.API.CONSUMER.DELETE.\(log.configuration.streamName).\(name)")
    }

    /// Takes in what the server sent. On the bus's delivery thread.
    private func handle(_ delivery: borrowing NATSDelivery) {
        state.withLock { state in
            guard state.isActive else { return }
            state.heardAt = .now
            // A stored message has the server's acknowledgement subject for its reply. That is looked at first, so that no header of a producer
            // can make a message look like one of the server's own.
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

    /// A flow control request or a sign of life.
    private func answer(_ delivery: borrowing NATSDelivery, _ state: inout State) {
        if let reply = delivery.reply {
            try? log.connection.publish(subject: reply)
            return
        }
        // The server waits for an answer to flow control that did not arrive.
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

    /// What the server sends while it cannot reach us is lost, even if the consumer should outlive that. On a thread of the connection's.
    private func connectionLost() {
        isIntact.store(false, ordering: .releasing)
        delegate.deliveryBroken()
    }
}
