import Basics

/// A message that a consumer delivered.
public struct JetStreamMessage: Sendable {
    /// The message. Its reply subject takes the acknowledgement.
    public let message: NATSMessage
    /// Its sequences in the stream and in the consumer.
    public let metadata: DeliveryMetadata
}

extension JetStream {
    /// How a reader acknowledges a delivery.
    public enum Acknowledgement: Hashable, Sendable {
        /// Ack: processed.
        case done
        /// Nak: deliver again, after a delay or at once.
        case again(after: Duration?)
        /// Term: do not deliver again, although not processed.
        case never
        /// In progress: restarts the acknowledgement timeout.
        case working

        var payload: [UInt8] {
            switch self {
            case .done: Array("+ACK".utf8)
            case .again(nil): Array("-NAK".utf8)
            case .again(let delay?): Array(#"-NAK {"delay": \#(max(0, delay.nanoseconds))}"#.utf8)
            case .never: Array("+TERM".utf8)
            case .working: Array("+WPI".utf8)
            }
        }
    }

    /// Acknowledges a delivery and waits for the server's confirmation.
    ///
    /// - Throws: ``JetStreamError/Code/timeout`` and similar; the message may then be delivered again.
    public func acknowledge(_ message: JetStreamMessage, as acknowledgement: Acknowledgement = .done) async throws(JetStreamError) {
        guard let reply = message.message.reply else {
            throw JetStreamError(.client, "A message without a reply subject cannot be acknowledged.")
        }
        try await request(subject: reply, payload: acknowledgement.payload, timeout: nil) { (_) throws(JetStreamError) in }
    }

    /// Pulls the next messages from a consumer.
    ///
    /// - Parameters:
    ///   - stream: The stream.
    ///   - consumer: The pull consumer's durable name.
    ///   - batch: Maximum number of messages, at least 1.
    ///   - wait: How long the server waits for messages; it answers earlier when it has `batch` of them.
    /// - Returns: The messages; fewer than `batch`, or empty, on timeout.
    /// - Throws: ``JetStreamError/Code/noResponders`` or ``JetStreamError/Code/consumerNotFound`` if the consumer does not exist;
    ///   ``JetStreamError/Code/disconnected``. Messages in flight are delivered again after the consumer's `ackWait`.
    public func nextMessages(
        stream: String,
        consumer: String,
        batch: Int,
        wait: Duration
    ) async throws(JetStreamError) -> [JetStreamMessage] {
        try validate(names: stream, consumer)
        guard batch > 0 else { throw JetStreamError(.client, "A batch has at least one message.") }
        let payload = try encode(PullRequest(batch: batch, expires: max(1_000_000, wait.nanoseconds)))
        let requests = connection.requests
        let token = requests.makeToken()
        let inbox = connection.newInbox()
        let subject = "$JS.API.CONSUMER.MSG.NEXT.\(stream).\(consumer)"
        let collector = PullCollector(subject: subject, batch: batch) { requests.remove(token) != nil }
        let subscription: NATSSubscription
        do throws(NATSError) {
            subscription = try connection.subscribe(inbox, isUnbounded: true) { collector.received($0) }
        } catch {
            throw JetStreamError(error)
        }
        defer { subscription.unsubscribe() }
        guard !Task.isCancelled else { throw JetStreamError(NATSError.cancelled) }
        // The server ends the request at `wait`; the extra second covers its answer.
        requests.insert(collector, token: token, timeout: wait + .seconds(1))
        do throws(NATSError) {
            try connection.send(subject: subject, reply: inbox, headers: [:], payload: payload)
        } catch {
            requests.fail(token, with: error)
        }
        do throws(JetStreamError) {
            return try await collector.result.value(onCancel: { requests.fail(token, with: .cancelled) }).get()
        } catch {
            guard error.code == .timeout else { throw error }
            // The server ends every pull of a consumer that it has. A consumer deleted with its stream can leave its subscription behind, which takes
            // pulls and answers none: seen with nats-server 2.9.10, when the stream is deleted while an acknowledgement is in flight.
            _ = try await consumerInfo(stream: stream, consumer: consumer)
            return []
        }
    }
}

private struct PullRequest: Encodable {
    let batch: Int
    let expires: Int64
}
