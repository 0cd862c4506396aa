public import NATSClient

/// Reads a stream beside the log in order, through a consumer, and knows when everything that the stream keeps was read.
///
/// The consumer's own count of waiting messages is too high for good once messages that wait are replaced by newer ones of their subject: seen with
/// nats-server 2.9.10, at a dozen writes a second. So where it says that more waits, the stream's last sequence decides.
///
/// A value of one task.
public struct StreamReading: Sendable {
    private let stream: SideStream
    private let consumer: ConsumerInfo
    private let jetStream: JetStream
    /// How much too high the consumer's count was last found.
    private var excess: UInt64 = 0
    /// Messages that wait: at most as many, and none only if there is none.
    private var waiting: UInt64
    private var order = DeliveryOrder()

    /// Largest pull, in messages.
    private static let maximumBatch = 500
    /// A pull ends when it is complete or its time is over. Up to so many messages are pulled one by one: if fewer wait, a larger pull holds them back.
    private static let maximumSingle: UInt64 = 8

    init(_ stream: SideStream, _ consumer: ConsumerInfo, on jetStream: JetStream) {
        self.stream = stream
        self.consumer = consumer
        self.jetStream = jetStream
        waiting = consumer.pending
    }

    /// Whether everything that the stream kept at the last look was read.
    public var isAtEnd: Bool { waiting == 0 }

    /// Returns the next messages: those known to wait, or the first one that arrives. Empty when none came in time; then it is at the end.
    ///
    /// - Throws: a retriable ``EventLogError`` when the bus is out of reach, or a delivery was lost: the stream must be read again. A pull that ended at
    ///   this side may have been answered, and an acknowledgement is for all messages before it.
    public mutating func next(atMost limit: Duration) async throws(EventLogError) -> [JetStreamMessage] {
        let batch = waiting > Self.maximumSingle ? Int(min(waiting, UInt64(Self.maximumBatch))) : 1
        let messages: [JetStreamMessage]
        var isComplete = true
        do throws(JetStreamError) {
            messages = try await jetStream.nextMessages(stream: stream.name, consumer: consumer.name, batch: batch, wait: limit)
            if messages.isEmpty {
                let delivered = try await jetStream.consumerInfo(stream: stream.name, consumer: consumer.name).delivered
                isComplete = order.heartbeatArrived(lastConsumerSequence: delivered.consumerSequence)
            }
        } catch {
            throw EventLogError(error)
        }
        for message in messages where !order.messageArrived(consumerSequence: message.metadata.consumerSequence) { isComplete = false }
        guard isComplete else { throw .unavailable("A delivery of the stream \(stream.name) was lost. The stream is read again.") }
        waiting = if let last = messages.last { try await remaining(behind: last.metadata) } else { 0 }
        return messages
    }

    private mutating func remaining(behind last: DeliveryMetadata) async throws(EventLogError) -> UInt64 {
        guard last.pending > excess else { return 0 }
        let end = try await stream.ensure().state.lastSequence
        guard last.streamSequence < end else {
            excess = last.pending
            return 0
        }
        return min(last.pending - excess, end - last.streamSequence)
    }
}
