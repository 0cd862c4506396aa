import Basics
import Synchronization

/// A message to be stored.
public struct OutgoingMessage: Sendable {
    /// The subject; a stream must accept it.
    public var subject: String
    /// Its headers. A `Nats-Msg-Id` makes a retry idempotent.
    public var headers: NATSHeaders
    /// Its body.
    public var payload: [UInt8]

    /// Size in bytes as the server's `max_payload` counts it: body plus encoded headers.
    public var encodedCount: Int {
        guard !headers.isEmpty else { return payload.count }
        // NATS/1.0, each field as `name: value`, and an empty line, all with CR LF.
        return 12 + headers.byteCount + 4 * headers.fields.count + payload.count
    }

    /// Creates a message.
    public init(subject: String, headers: NATSHeaders = [:], payload: [UInt8]) {
        self.subject = subject
        self.headers = headers
        self.payload = payload
    }
}

extension JetStream {
    /// Publishes messages in order without waiting for each, then waits for all acknowledgements.
    ///
    /// A stream stores the messages of one connection in order. Sending stops at the first message that cannot be sent: after a lost
    /// connection, no message is stored behind a lost one, and the failed messages can be retried in order.
    ///
    /// - Parameters:
    ///   - messages: The messages, in order.
    ///   - timeout: Time limit for all of them; nil for the default.
    /// - Returns: One result per message, in the same order. For the errors, see
    ///   ``publish(subject:headers:payload:messageID:expectedLastSubjectSequence:timeout:)``.
    public func publish(inOrder messages: [OutgoingMessage], timeout: Duration? = nil) async -> [Result<PublishAck, JetStreamError>] {
        guard !messages.isEmpty else { return [] }
        let requests = connection.requests
        let tokens = requests.makeTokens(messages.count)
        let collector = AckCollector(of: messages)
        requests.insert(
            messages.indices.lazy.map { AwaitedAck(collector: collector, index: $0) as any PendingReply },
            tokens: tokens,
            timeout: timeout ?? self.timeout
        )
        var failure: NATSError?
        for (token, index) in zip(tokens, messages.indices) {
            if failure == nil { failure = Task.isCancelled ? .cancelled : send(messages[index], token: token, requests) }
            if let failure { requests.fail(token, with: failure) }
        }
        connection.sendBuffered()
        return await collector.results.value(onCancel: {
            for token in tokens { requests.fail(token, with: .cancelled) }
        })
    }

    /// Publishes a message without waiting.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - timeout: Time limit for the acknowledgement.
    ///   - completion: Receives the acknowledgement, or the errors of
    ///     ``publish(subject:headers:payload:messageID:expectedLastSubjectSequence:timeout:)``. Called once, on any thread; must
    ///     not block.
    public func publish(
        _ message: OutgoingMessage,
        timeout: Duration,
        completion: @escaping @Sendable (Result<PublishAck, JetStreamError>) -> Void
    ) {
        let requests = connection.requests
        let token = requests.makeToken()
        requests.insert(ReportedAck(subject: message.subject, completion: completion), token: token, timeout: timeout)
        if let failure = send(message, token: token, requests) { requests.fail(token, with: failure) }
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

    /// Completes when the last acknowledgement arrives; results in message order.
    let results = OneShot<[Result<PublishAck, JetStreamError>]>()
    let messages: [OutgoingMessage]
    private let state: Mutex<State>

    init(of messages: [OutgoingMessage]) {
        self.messages = messages
        state = Mutex(State(results: Array(repeating: nil, count: messages.count), missing: messages.count))
    }

    /// Records the result of one message. Called once per message: a request leaves the ``RequestTable`` once.
    func settle(_ index: Int, _ result: Result<PublishAck, JetStreamError>) {
        let complete = state.withLock { state -> [Result<PublishAck, JetStreamError>]? in
            state.results[index] = result
            state.missing -= 1
            return state.missing == 0 ? state.results.compactMap { $0 } : nil
        }
        if let complete { results.settle(complete) }
    }
}

/// One message of a batch, waiting for its acknowledgement.
private struct AwaitedAck: PendingReply {
    let collector: AckCollector
    let index: Int
    var subject: String { collector.messages[index].subject }

    func resolve(with delivery: borrowing NATSDelivery) { collector.settle(index, PublishAck.answer(in: delivery)) }

    func fail(with error: NATSError) { collector.settle(index, .failure(JetStreamError(error))) }
}

/// A message on its own, whose acknowledgement is reported to a function.
private struct ReportedAck: PendingReply {
    let subject: String
    let completion: @Sendable (Result<PublishAck, JetStreamError>) -> Void

    func resolve(with delivery: borrowing NATSDelivery) { completion(PublishAck.answer(in: delivery)) }

    func fail(with error: NATSError) { completion(.failure(JetStreamError(error))) }
}

extension PublishAck {
    /// Decodes the answer to a publish.
    fileprivate static func answer(in delivery: borrowing NATSDelivery) -> Result<PublishAck, JetStreamError> {
        guard delivery.status != 503 else {
            return .failure(JetStreamError(NATSError(.noResponders, "Nobody answers on this subject.")))
        }
        do throws(JetStreamError) {
            return .success(try delivery.withPayload { (bytes) throws(JetStreamError) in try PublishAck(response: bytes) })
        } catch {
            return .failure(error)
        }
    }
}
