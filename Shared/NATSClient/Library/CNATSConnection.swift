import CNATS
import Dispatch
import Logging
import Synchronization

/// Owns a `natsConnection`.
///
/// Deinit destroys the handle on another thread, because destroying joins threads.
final class CNATSConnection: Sendable {
    private let handle: CNATSPointer
    /// The socket of a polled connection; nil where threads of nats.c read.
    let polled: PolledSocket?
    /// Ended subscriptions, waiting to be freed.
    private let retired = Mutex<[CNATSPointer]>([])

    private init(handle: CNATSPointer, polled: PolledSocket?) {
        self.handle = handle
        self.polled = polled
    }

    deinit {
        let handle = handle
        if let polled {
            // The closure keeps the socket until nats.c needs it no more.
            return polled.close(handle) { withExtendedLifetime(polled) { natsConnection_Destroy(handle.raw) } }
        }
        let retired = retired.withLock(\.self)
        NATSLibrary.detached {
            natsConnection_Destroy(handle.raw)
            for subscription in retired { natsSubscription_Destroy(subscription.raw) }
        }
    }

    /// Whether the connection is closed for good.
    var isClosed: Bool { natsConnection_IsClosed(raw) }

    /// The handle; valid during the life of this object.
    var raw: OpaquePointer { handle.raw }

    /// Connects to one of the servers. Blocks for at most the connect timeout per server.
    ///
    /// nats.c retains `link` (weakly, as it holds the connection) and `monitor` until the closed callback. That callback comes exactly once for a
    /// returned connection, at the latest after it is destroyed.
    static func open(
        _ options: borrowing CNATSOptions,
        link: ConnectionLink,
        monitor: ConnectionMonitor
    ) throws(NATSError) -> CNATSConnection {
        let polled = try options.isPolled ? PolledSocket.make(for: options) : nil
        let context = Unmanaged.passRetained(CNATSObserver(link: link, monitor: monitor))
        // Released by connectionClosed; or here after a failure, when no callbacks follow.
        do throws(NATSError) {
            let closure = context.toOpaque()
            try options.check(natsOptions_SetDisconnectedCB(options.raw, connectionLost, closure), "the disconnect callback")
            try options.check(natsOptions_SetReconnectedCB(options.raw, connectionRegained, closure), "the reconnect callback")
            try options.check(natsOptions_SetClosedCB(options.raw, connectionClosed, closure), "the close callback")
            try options.check(natsOptions_SetErrorHandler(options.raw, connectionReportedError, closure), "the error callback")
            var created: OpaquePointer?
            let status = natsConnection_Connect(&created, options.raw)
            guard status == NATS_OK, let created else { throw connectError(status) }
            return CNATSConnection(handle: CNATSPointer(raw: created), polled: polled)
        } catch {
            context.release()
            throw error
        }
    }

    private static func connectError(_ status: natsStatus) -> NATSError {
        let error = NATSError(status, while: "Connecting")
        // nats.c parses the URLs only now.
        guard status == NATS_INVALID_ARG || status == NATS_ADDRESS_MISSING else { return error }
        return NATSError(.invalidConfiguration, "A NATS URL cannot be used. \(error.message)")
    }

    /// The last error of the connection, from either side; nil if there is none.
    var lastError: NATSError? { libraryError(of: raw) }

    /// The `max_payload` of the last server; nil if unknown.
    var maximumPayload: Int? {
        let bytes = natsConnection_GetMaxPayload(raw)
        return bytes > 0 ? Int(bytes) : nil
    }

    /// Flushes buffers for at most half a second and closes the connection. Blocks. The handle stays valid.
    func close() {
        guard let polled else { return natsConnection_Close(raw) }
        let closed = DispatchSemaphore(value: 0)
        polled.close(handle) { closed.signal() }
        closed.wait()
    }

    /// Frees an ended subscription once that is safe. Any thread.
    ///
    /// Up to nats.c 3.5.0 the reader looks up a subscription and uses it without a reference, so freeing it then crashes the process
    /// (https://github.com/nats-io/nats.c/issues/637); the error callback does the same (https://github.com/nats-io/nats.c/pull/659).
    /// A ping sent later goes through the same reader: after its answer the reader no longer uses the subscription.
    func retire(_ subscription: CNATSPointer) {
        if let polled { return polled.remove(subscription) }
        let isFirst = retired.withLock { retired in
            retired.append(subscription)
            return retired.count == 1
        }
        if isFirst { scheduleRelease() }
    }

    private static let releasePause: Duration = .milliseconds(50)
    private static let releaseTimeout: Duration = .seconds(5)

    private func scheduleRelease() {
        NATSLibrary.detached(after: Self.releasePause) { [weak self] in self?.releaseRetired() }
    }

    /// Frees retired subscriptions after a ping. Blocks.
    private func releaseRetired() {
        let candidates = retired.withLock(\.self)
        // Without a server, wait for the reader of the next connection. Once closed, the reader has stopped.
        let isSafe = natsConnection_IsClosed(raw) || flush(timeout: Self.releaseTimeout) == nil
        guard isSafe else { return scheduleRelease() }
        for subscription in candidates { natsSubscription_Destroy(subscription.raw) }
        let remaining = retired.withLock { retired in
            retired.removeFirst(candidates.count)
            return retired.count
        }
        if remaining > 0 { scheduleRelease() }
    }

    /// Waits for the answer to a ping sent behind all buffered data. Blocks.
    func flush(timeout: Duration) -> NATSError? {
        let status = natsConnection_FlushTimeout(raw, timeout.libraryMilliseconds)
        return status == NATS_OK ? nil : NATSError(status, while: "Flushing")
    }

    /// Publishes a message; nats.c copies it. Blocks for at most the write deadline if the server does not read.
    func publish(subject: String, reply: String?, headers: NATSHeaders, payload: [UInt8]) throws(NATSError) {
        // Its callback tells of a loss later than it knows. Meanwhile it would keep one message, and send it whenever it has a server again: perhaps
        // when the duplicate window of a retry through another process is over.
        guard natsConnection_Status(raw) != NATS_CONN_STATUS_RECONNECTING else { throw .disconnected }
        guard let count = Int32(exactly: payload.count) else { throw NATSError(NATS_MAX_PAYLOAD, while: "Publishing") }
        // `withCString`, because a `String` passed as a C string is copied to an array first.
        let status = payload.withUnsafeBytes { bytes in
            subject.withCString { subject in
                withCString(reply) { reply in
                    guard headers.isEmpty else {
                        return publish(subject, reply, headers, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), count)
                    }
                    guard let reply else { return natsConnection_Publish(raw, subject, bytes.baseAddress, count) }
                    return natsConnection_PublishRequest(raw, subject, reply, bytes.baseAddress, count)
                }
            }
        }
        guard status == NATS_OK else { throw NATSError(status, while: "Publishing") }
    }

    private func publish(
        _ subject: UnsafePointer<CChar>,
        _ reply: UnsafePointer<CChar>?,
        _ headers: NATSHeaders,
        _ payload: UnsafePointer<CChar>?,
        _ count: Int32
    ) -> natsStatus {
        var message: OpaquePointer?
        var status = natsMsg_Create(&message, subject, reply, payload, count)
        defer { if let message { RetiredMessages.retire(message, bytes: headers.byteCount + Int(count)) } }
        for field in headers.fields where status == NATS_OK {
            status = field.name.withCString { name in field.value.withCString { value in natsMsgHeader_Add(message, name, value) } }
        }
        if status == NATS_OK { status = natsConnection_PublishMsg(raw, message) }
        guard status == NATS_OK else { return status }
        // A header is four allocations. With the message, another thread would free them, and the allocator's cache of this thread would be empty
        // for the headers of the next one.
        for field in headers.fields { field.name.withCString { _ = natsMsgHeader_Delete(message, $0) } }
        return status
    }

    private func withCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}

// Connection callbacks. nats.c calls them for all connections on one thread, one after another: they must not block.
// `closure` is the CNATSObserver that `open` retained.

/// Receives the callbacks of a connection.
private final class CNATSObserver: Sendable {
    weak let link: ConnectionLink?
    let monitor: ConnectionMonitor

    init(link: ConnectionLink, monitor: ConnectionMonitor) {
        self.link = link
        self.monitor = monitor
    }

    static func of(_ closure: UnsafeMutableRawPointer) -> CNATSObserver {
        Unmanaged<CNATSObserver>.fromOpaque(closure).takeUnretainedValue()
    }
}

private func connectionLost(_ connection: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    // nats.c also reports a disconnect for a connection that is being closed.
    guard let closure, !natsConnection_IsClosed(connection) else { return }
    CNATSObserver.of(closure).link?.serverLost()
}

private func connectionRegained(_: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    CNATSObserver.of(closure).monitor.record(.reconnected)
}

/// The last callback of a connection. Releases the observer that `open` retained; nothing else does.
private func connectionClosed(_ connection: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    let observer = Unmanaged<CNATSObserver>.fromOpaque(closure).takeRetainedValue()
    let reason = connection.flatMap(libraryError)
    if let link = observer.link { link.libraryClosed(reason: reason) } else { observer.monitor.record(.closed, reason: reason) }
}

/// Asynchronous errors: slow consumer, permission violation, refused credentials.
private func connectionReportedError(
    _: OpaquePointer?,
    _ subscription: OpaquePointer?,
    _ status: natsStatus,
    _ closure: UnsafeMutableRawPointer?
) {
    guard let closure else { return }
    let monitor = CNATSObserver.of(closure).monitor
    // nats.c keeps the server's text only during the call.
    var last = NATS_OK
    let words = nats_GetLastError(&last).map { String(cString: $0) }
    if status == NATS_NOT_PERMITTED, last == status, let violation = words.flatMap(PublishViolation.init) {
        monitor.logger.warning(
            "NATS does not permit a publish",
            metadata: [NATSLogKey.subject: "\(violation.subject)", NATSLogKey.reason: "\(String(cString: natsStatus_GetText(status)))"]
        )
        return monitor.requests.refuse(violation)
    }
    var metadata: Logger.Metadata = [NATSLogKey.reason: "\(String(cString: natsStatus_GetText(status)))"]
    if let subscription, let subject = natsSubscription_GetSubject(subscription) {
        metadata[NATSLogKey.subject] = "\(String(cString: subject))"
    }
    monitor.logger.warning("NATS reported an error", metadata: metadata)
}

/// Returns the last error of a connection. Copies the text at once, as nats.c keeps it inside the connection.
private func libraryError(of connection: OpaquePointer) -> NATSError? {
    var text: UnsafePointer<CChar>?
    let status = natsConnection_GetLastError(connection, &text)
    switch status {
    case NATS_OK: return nil
    // The peer closed the socket. Closing it on our side leaves no error.
    case NATS_CONNECTION_CLOSED: return .disconnected
    default: return NATSError(status, while: "Connecting")
    }
}
