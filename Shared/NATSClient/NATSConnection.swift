import Basics
public import Logging

/// A connection to a NATS system that reconnects until it is closed.
///
/// 1. After the loss of its server, or a refusal, it tries the servers again without limit, and subscriptions continue on the next one;
///    unless ``NATSConfiguration/reconnects`` is false.
/// 2. Without a server nothing is buffered: a publish or a request fails at once with ``NATSError/Code/disconnected``.
/// 3. Requests share one subscription and block no thread.
/// 4. Handlers run on four delivery threads shared by all connections of the process, or on the one of polled connections
///    (``NATSConfiguration/isPolled``): one call at a time, in order, per subscription.
///    A handler must not block.
///
/// All methods may be called from any thread. Releasing the last reference closes it.
public final class NATSConnection: Sendable {
    /// The configuration it was opened with.
    public let configuration: NATSConfiguration
    private let monitor: ConnectionMonitor
    private let link: ConnectionLink
    private let inbox: CNATSSubscription

    private init(_ configuration: NATSConfiguration, logger: Logger) throws(NATSError) {
        let requests = RequestTable(inboxPrefix: configuration.inboxPrefix)
        self.configuration = configuration
        monitor = ConnectionMonitor(requests: requests, logger: logger)
        link = ConnectionLink(configuration, monitor: monitor)
        inbox = CNATSSubscription(subject: requests.subject, queue: nil, isUnbounded: true) { requests.received($0) }
        try link.begin(inbox)
    }

    deinit {
        // Closing joins threads, and deinit may run on any thread.
        let (monitor, link, inbox) = (monitor, link, inbox)
        NATSLibrary.detached {
            monitor.record(.closed)
            inbox.end()
            link.close()
        }
    }

    /// Opens a connection.
    ///
    /// Returns when a server has accepted it, or when the first round over the servers has failed (at most the connect timeout per server).
    /// Then the state is ``NATSConnectionState/connecting``, ``lastError`` has the reason, and the search continues.
    ///
    /// - Parameters:
    ///   - configuration: Servers and credentials.
    ///   - logger: Receives state changes at `info` and `warning`; its metadata is kept.
    /// - Throws: ``NATSError/Code/invalidConfiguration`` for an invalid value or an unreadable file; ``NATSError/Code/authenticationFailed`` if a
    ///   server refuses the credentials. After a successful return neither ends the connection; it retries.
    public static func connect(_ configuration: NATSConfiguration, logger: Logger) async throws(NATSError) -> NATSConnection {
        try Subject.validate(forPublishing: configuration.inboxPrefix)
        var logger = logger
        logger[metadataKey: NATSLogKey.name] = "\(configuration.name)"
        let connection = try NATSConnection(configuration, logger: logger)
        let failure: NATSError? = await NATSLibrary.blocking {
            do throws(NATSError) {
                try connection.link.open()
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        return connection
    }

    /// The connection's state. It lags events by the time of a callback.
    public var state: NATSConnectionState { monitor.state }

    /// The error of the last attempt or, once closed, the cause; nil if there is none or it is unknown.
    public var lastError: NATSError? { monitor.closeReason ?? link.lastError }

    /// Calls `observer` with the current state and then with each new one, until the connection is closed.
    ///
    /// Calls are serial and ordered, on a queue of the connection.
    public func onStateChange(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) {
        monitor.addObserver(observer)
    }

    /// Reloads the configured files: now when disconnected, else at the next reconnect.
    ///
    /// Not needed for credentials that a server refuses: those are reread.
    ///
    /// - Throws: ``NATSError/Code/invalidConfiguration`` for an unusable file; the connection is left as it is.
    public func reload() async throws(NATSError) {
        let link = link
        let failure: NATSError? = await NATSLibrary.blocking {
            do throws(NATSError) {
                try link.reload()
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The connected server's `max_payload` in bytes, headers included; nil while disconnected.
    public var maximumPayload: Int? { state == .connected ? link.library?.maximumPayload : nil }

    /// Returns a unique subject, for answers or a consumer's deliveries.
    public func newInbox() -> String { "\(configuration.inboxPrefix).\(UniqueID.make())" }

    /// Publishes a message without acknowledgement. To wait until it is stored, use
    /// ``JetStream/publish(subject:headers:payload:messageID:expectedLastSubjectSequence:timeout:)``.
    ///
    /// Returns when the message is in the socket's or nats.c's buffer. Blocks for at most ``NATSConfiguration/writeDeadline`` if the server
    /// does not read.
    ///
    /// - Parameters:
    ///   - subject: The subject, without wildcards.
    ///   - reply: The subject for an answer.
    ///   - headers: Headers.
    ///   - payload: The body.
    /// - Throws: ``NATSError/Code/disconnected``, at once, without a connection; ``NATSError/Code/payloadTooLarge``,
    ///   ``NATSError/Code/invalidSubject``, ``NATSError/Code/invalidHeader``, ``NATSError/Code/closed``.
    public func publish(
        subject: String,
        reply: String? = nil,
        headers: NATSHeaders = [:],
        payload: [UInt8] = []
    ) throws(NATSError) {
        try Subject.validate(forPublishing: subject)
        if let reply { try Subject.validate(forPublishing: reply) }
        try headers.validate()
        try send(subject: subject, reply: reply, headers: headers, payload: payload)
    }

    /// Sends a request and waits for one answer. Blocks no thread.
    ///
    /// A lost connection fails all outstanding requests at once with ``NATSError/Code/disconnected``, because the server forgets them.
    ///
    /// - Parameters:
    ///   - subject: The subject, without wildcards.
    ///   - headers: Headers.
    ///   - payload: The body.
    ///   - timeout: Time limit for the answer.
    /// - Returns: The answer, copied.
    /// - Throws: The errors of ``publish(subject:reply:headers:payload:)``; ``NATSError/Code/noResponders`` at once if nothing subscribes to the
    ///   subject; ``NATSError/Code/notPermitted``, ``NATSError/Code/timeout``; ``NATSError/Code/cancelled`` if the task is cancelled.
    public func request(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8] = [],
        timeout: Duration = .seconds(5)
    ) async throws(NATSError) -> NATSMessage {
        try Subject.validate(forPublishing: subject)
        try headers.validate()
        return try await request(subject: subject, headers: headers, payload: payload, timeout: timeout) { .success($0.copy()) }.get()
    }

    /// Subscribes to a subject.
    ///
    /// - Parameters:
    ///   - subject: The subject; wildcards allowed.
    ///   - queue: A queue group; each message goes to one of its members.
    ///   - isUnbounded: Whether the queue to the handler is unbounded, for handlers with their own backpressure. Otherwise messages beyond 65,536 or
    ///     64 MiB are dropped with a warning.
    ///   - handler: Receives the messages on a delivery thread, one call at a time and in order. Must not block. May call
    ///     ``NATSSubscription/unsubscribe()``.
    /// - Returns: The subscription; releasing it ends it. Without a connection it begins with the next one.
    /// - Throws: ``NATSError/Code/invalidSubject``, ``NATSError/Code/closed``.
    public func subscribe(
        _ subject: String,
        queue: String? = nil,
        isUnbounded: Bool = false,
        handler: @escaping @Sendable (borrowing NATSDelivery) -> Void
    ) throws(NATSError) -> NATSSubscription {
        try Subject.validate(forSubscribing: subject)
        if let queue { try Subject.validate(token: queue) }
        let subscription = CNATSSubscription(subject: subject, queue: queue, isUnbounded: isUnbounded, handler: handler)
        try link.begin(subscription)
        return NATSSubscription(subscription)
    }

    /// Waits until the server has processed all earlier publishes and subscriptions.
    ///
    /// - Throws: ``NATSError/Code/disconnected``, ``NATSError/Code/timeout``, ``NATSError/Code/closed``.
    public func flush(timeout: Duration = .seconds(5)) async throws(NATSError) {
        let library = try library
        let error = await NATSLibrary.blocking { library.flush(timeout: timeout) }
        if let error { throw error }
    }

    /// Flushes buffers and closes the connection. Outstanding requests fail with ``NATSError/Code/closed``; handlers are released.
    public func close() async {
        monitor.record(.closed)
        await NATSLibrary.blocking { [link, inbox] in
            inbox.end()
            link.close()
        }
    }

    /// The outstanding requests, for callers that collect several answers.
    var requests: RequestTable { monitor.requests }

    /// The streams whose messages may be requested.
    var readableStreams: ReadableStreams { monitor.readableStreams }

    /// The nats.c connection; throws while disconnected.
    private var library: CNATSConnection {
        get throws(NATSError) {
            switch monitor.state {
            case .connecting, .reconnecting: throw .disconnected
            case .closed: throw .closed
            case .connected: if let library = link.library { return library } else { throw .disconnected }
            }
        }
    }

    /// Publishes without validation.
    func send(subject: String, reply: String?, headers: NATSHeaders, payload: [UInt8]) throws(NATSError) {
        try library.publish(subject: subject, reply: reply, headers: headers, payload: payload)
    }

    /// Sends what nats.c has buffered, instead of waiting for its flusher; nothing to do where each message is sent at once.
    ///
    /// Blocks for at most a millisecond: the only call that flushes at once also waits for the answer to a ping.
    func sendBuffered() {
        guard !configuration.sendAsap, let library = link.library else { return }
        _ = library.flush(timeout: .milliseconds(1))
    }

    /// Sends a request without validation and decodes the answer without a copy.
    func request<Value: Sendable>(
        subject: String,
        headers: NATSHeaders,
        payload: [UInt8],
        timeout: Duration,
        decode: @escaping @Sendable (borrowing NATSDelivery) -> Result<Value, NATSError>
    ) async -> Result<Value, NATSError> {
        let requests = requests
        let token = requests.makeToken()
        let reply = AwaitedReply(subject: subject, decode: decode)
        guard !Task.isCancelled else { return .failure(.cancelled) }
        requests.insert(reply, token: token, timeout: timeout)
        do throws(NATSError) {
            try send(subject: subject, reply: requests.replySubject(for: token), headers: headers, payload: payload)
        } catch {
            requests.fail(token, with: error)
        }
        return await reply.result.value(onCancel: { requests.fail(token, with: .cancelled) })
    }
}
