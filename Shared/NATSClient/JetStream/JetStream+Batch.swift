import Basics
import Synchronization

/// A message to be stored.
public struct OutgoingMessage: Sendable {
    /// Where to; a stream must take it.
    public var subject: String
    /// Its headers. A `Nats-Msg-Id` among them makes it safe to send it again.
    public var headers: NATSHeaders
    /// Its body.
    public var payload: [UInt8]

    /// How many bytes of the server's `max_payload` the message takes: its body, and its headers as they are written.
    public var encodedCount: Int {
        guard !headers.isEmpty else { return payload.count }
        // NATS/1.0, each field as `name: value`, and an empty line, all with CR LF.
        return headers.fields.reduce(12 + payload.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    }

    /// Creates a message.
    public init(subject: String, headers: NATSHeaders = [:], payload: [UInt8]) {
        self.subject = subject
        self.headers = headers
        self.payload = payload
    }
}

extension JetStream {
    /// Stores messages one behind the other without waiting for each, and waits until all are stored.
    ///
    /// A stream stores what one connection sends in the order in which it is sent. Sending stops at the first message that cannot be sent, so
    /// that after the loss of the connection nothing is stored behind a message that was lost: what failed can be sent again, in order.
    ///
    /// - Parameters:
    ///   - messages: What to store, in order.
    ///   - timeout: How long to wait for all of them; nil for the usual time.
    /// - Returns: One result a message, in the order of the messages. For the errors, see
    ///   ``publish(subject:headers:payload:messageID:expectedLastSubjectSequence:timeout:)``.
    public func publish(inOrder messages: [OutgoingMessage], timeout: Duration? = nil) async -> [Result<PublishAck, JetStreamError>] {
        guard !messages.isEmpty else { return [] }
        let requests = connection.requests
        let tokens = messages.map { _ in requests.makeToken() }
        let collector = AckCollector(count: messages.count)
        var failure: NATSError?
        for (index, message) in messages.enumerated() {
            requests.insert(
                AwaitedAck(collector: collector, index: index),
                token: tokens[index],
                subject: message.subject,
                timeout: timeout ?? self.timeout
            )
            if failure == nil { failure = Task.isCancelled ? .cancelled : send(message, token: tokens[index], requests) }
            if let failure { requests.fail(tokens[index], with: failure) }
        }
        return await collector.results.value(onCancel: {
            for token in tokens { requests.fail(token, with: .cancelled) }
        })
    }

    private func send(_ message: OutgoingMessage, token: UInt64, _ requests: RequestTable) -> NATSError? {
        do throws(NATSError) {
            try Subject.validate(forPublishing: message.subject)
            try message.headers.validate()
            try connection.send(
                subject: message.subject,
                reply: requests.replySubject(for: token),
                headers: message.headers,
                payload: message.payload
            )
            return nil
        } catch {
            return error
        }
    }
}

/// Collects the acknowledgements of a batch.
private final class AckCollector: Sendable {
    private struct State {
        var results: [Result<PublishAck, JetStreamError>?]
        var missing: Int
    }

    /// Settled when the last acknowledgement is in, in the order of the messages.
    let results = OneShot<[Result<PublishAck, JetStreamError>]>()
    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(results: Array(repeating: nil, count: count), missing: count))
    }

    /// The result for one message. Each comes once, because a request leaves the ``RequestTable`` once.
    func settle(_ index: Int, _ result: Result<PublishAck, JetStreamError>) {
        let complete = state.withLock { state -> [Result<PublishAck, JetStreamError>]? in
            state.results[index] = result
            state.missing -= 1
            return state.missing == 0 ? state.results.compactMap { $0 } : nil
        }
        if let complete { results.settle(complete) }
    }
}

/// One message of a batch that waits for its acknowledgement.
private struct AwaitedAck: PendingReply {
    let collector: AckCollector
    let index: Int

    func resolve(with delivery: borrowing NATSDelivery) {
        guard delivery.status != 503 else { return fail(with: NATSError(.noResponders, "Nobody answers on this subject.")) }
        do throws(JetStreamError) {
            let ack = try delivery.withPayload { (bytes) throws(JetStreamError) in try PublishAck(response: bytes) }
            collector.settle(index, .success(ack))
        } catch {
            collector.settle(index, .failure(error))
        }
    }

    func fail(with error: NATSError) {
        collector.settle(index, .failure(JetStreamError(error)))
    }
}
