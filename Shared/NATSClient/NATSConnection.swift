import Basics
public import Logging

/// A connection to a NATS system that looks for a server for as long as it lives.
///
/// 1. It survives the loss of its server, and a server that refuses it: it looks for another, or the same, without end, and subscriptions carry on
///    there; unless ``NATSConfiguration/reconnects`` says otherwise.
/// 2. While it has none, nothing is buffered: a publish or a request fails at once with ``NATSError/Code/disconnected``.
/// 3. Requests share one subscription; waiting for an answer takes no thread.
/// 4. Handlers run on four delivery threads that all connections of the process share, one call at a time and in order for each subscription.
///    A handler must not block.
///
/// All methods may be called from any thread. Releasing the last reference closes it.
public final class NATSConnection: Sendable {
    /// Where and who it was opened for.
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
        // Closing joins threads, and this may be any thread.
        let (monitor, link, inbox) = (monitor, link, inbox)
        NATSLibrary.detached {
            monitor.record(.closed)
            inbox.end()
            link.close()
        }
    }

    /// Opens a connection.
    ///
    /// It returns as soon as a server has accepted it or the first round over the servers has failed, which takes at most the connect timeout
    /// a server; in the latter case the state is ``NATSConnectionState/connecting``, ``lastError`` says why, and the search goes on.
    ///
    /// - Parameters:
    ///   - configuration: Where and who.
    ///   - logger: Gets the changes of state at `info` and `warning`; its metadata is kept.
    /// - Throws: ``NATSError/Code/invalidConfiguration`` for a value that cannot be used, a file that cannot be read among them, and
    ///   ``NATSError/Code/authenticationFailed`` if a server refuses the credentials. Later neither ends the connection: it goes on trying.
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

    /// Where the connection stands. It follows what happens by the time a callback takes.
    public var state: NATSConnectionState { monitor.state }

    /// Why there is no connection: what the last attempt failed with or, once closed, what ended it. Nil if all is well or nothing is known.
    public var lastError: NATSError? { monitor.closeReason ?? link.lastError }

    /// Calls `observer` with the present state and then with every new one, until the connection is closed.
    ///
    /// The calls come one at a time, in order, on a thread of the connection's own.
    public func onStateChange(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) {
        monitor.addObserver(observer)
    }

    /// Has the files that the configuration names read again: at once when there is no connection, else when the next one is made.
    ///
    /// Credentials are read again without this, when a server refuses those that are known.
    public func reload() {
        link.reload()
    }

    /// The largest message that the connected server accepts, headers included, in bytes (its `max_payload`); nil while there is no connection.
    public var maximumPayload: Int? { state == .connected ? link.library?.maximumPayload : nil }

    /// A subject that nobody else uses, for answers or for a consumer to deliver to.
    public func newInbox() -> String { "\(configuration.inboxPrefix).\(UniqueID.make())" }

    /// Sends a message, without knowing whether it arrives: for that there is ``JetStream/publish(subject:headers:payload:messageID:expectedLastSubjectSequence:timeout:)``.
    ///
    /// It returns when the message is in the socket's or the library's buffer. A server that does not read can hold it up for at most
    /// ``NATSConfiguration/writeDeadline``.
    ///
    /// - Parameters:
    ///   - subject: Where to; without a wildcard.
    ///   - reply: Where an answer is to go.
    ///   - headers: Headers.
    ///   - payload: The body.
    /// - Throws: ``NATSError/Code/disconnected``, at once, if there is no connection; ``NATSError/Code/payloadTooLarge``,
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

    /// Sends a message and waits for one answer. Waiting takes no thread.
    ///
    /// When the connection is lost, all outstanding requests fail at once with ``NATSError/Code/disconnected``; the answers to them are
    /// not awaited, because the server forgets them.
    ///
    /// - Parameters:
    ///   - subject: Who is asked.
    ///   - headers: Headers.
    ///   - payload: The body.
    ///   - timeout: How long to wait for the answer.
    /// - Returns: The answer, copied.
    /// - Throws: What ``publish(subject:reply:headers:payload:)`` throws, ``NATSError/Code/noResponders`` at once if nobody listens,
    ///   ``NATSError/Code/notPermitted`` if the server forbids the subject, ``NATSError/Code/timeout``, ``NATSError/Code/cancelled`` if the
    ///   task is cancelled.
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
    ///   - subject: What to listen to; may have wildcards.
    ///   - queue: The name of a queue group, each message of which goes to one member.
    ///   - isUnbounded: Whether any number of messages may wait for the handler. Otherwise messages are dropped, and a warning logged, beyond 65,536
    ///     of them or 64 MiB. For a handler that has a bound of its own behind it.
    ///   - handler: Gets every message on a delivery thread, one call at a time and in order. Must not block. May call
    ///     ``NATSSubscription/unsubscribe()``.
    /// - Returns: The subscription, which ends with its last reference. While there is no connection it begins with the next one.
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

    /// Waits until the server has everything that was published and every subscription made before the call.
    ///
    /// - Throws: ``NATSError/Code/disconnected``, ``NATSError/Code/timeout``, ``NATSError/Code/closed``.
    public func flush(timeout: Duration = .seconds(5)) async throws(NATSError) {
        let library = try library
        let error = await NATSLibrary.blocking { library.flush(timeout: timeout) }
        if let error { throw error }
    }

    /// Sends what is buffered and ends the connection. Outstanding requests fail with ``NATSError/Code/closed``; handlers are released.
    public func close() async {
        monitor.record(.closed)
        await NATSLibrary.blocking { [link, inbox] in
            inbox.end()
            link.close()
        }
    }

    /// The outstanding requests, for a caller that collects more than one answer.
    var requests: RequestTable { monitor.requests }

    /// The library's connection; throws if there is no server.
    private var library: CNATSConnection {
        get throws(NATSError) {
            switch monitor.state {
            case .connecting, .reconnecting: throw .disconnected
            case .closed: throw .closed
            case .connected: if let library = link.library { return library } else { throw .disconnected }
            }
        }
    }

    /// As ``publish(subject:reply:headers:payload:)``, for what is known to be valid.
    func send(subject: String, reply: String?, headers: NATSHeaders, payload: [UInt8]) throws(NATSError) {
        try library.publish(subject: subject, reply: reply, headers: headers, payload: payload)
    }

    /// As ``request(subject:headers:payload:timeout:)``, for what is known to be valid, and with the answer read where it lies.
    func request<Value: Sendable>(
        subject: String,
        headers: NATSHeaders,
        payload: [UInt8],
        timeout: Duration,
        decode: @escaping @Sendable (borrowing NATSDelivery) -> Result<Value, NATSError>
    ) async -> Result<Value, NATSError> {
        let requests = requests
        let token = requests.makeToken()
        let reply = AwaitedReply(decode: decode)
        guard !Task.isCancelled else { return .failure(.cancelled) }
        requests.insert(reply, token: token, subject: subject, timeout: timeout)
        do throws(NATSError) {
            try send(subject: subject, reply: requests.replySubject(for: token), headers: headers, payload: payload)
        } catch {
            requests.fail(token, with: error)
        }
        return await reply.result.value(onCancel: { requests.fail(token, with: .cancelled) })
    }
}
