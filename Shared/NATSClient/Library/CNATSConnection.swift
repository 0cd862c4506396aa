import CNATS
import Logging
import Synchronization

/// A `natsConnection` and its lifetime.
///
/// The handle is destroyed with this object, away from the thread that releases it, because destroying joins threads.
final class CNATSConnection: Sendable {
    private let handle: CNATSPointer
    /// Subscriptions that have ended and are still to be freed.
    private let retired = Mutex<[CNATSPointer]>([])

    private init(handle: CNATSPointer) {
        self.handle = handle
    }

    deinit {
        let handle = handle
        let retired = retired.withLock(\.self)
        NATSLibrary.detached {
            natsConnection_Destroy(handle.raw)
            for subscription in retired { natsSubscription_Destroy(subscription.raw) }
        }
    }

    /// Whether it has ended and does not come back.
    var isClosed: Bool { natsConnection_IsClosed(raw) }

    /// The handle, for calls on it during the life of this object.
    var raw: OpaquePointer { handle.raw }

    /// Connects to one of the servers, or fails. Blocks for at most the connect timeout a server.
    ///
    /// What is told of it, `link` and `monitor`, is retained for nats.c until its closed callback, which comes exactly once for a connection that this
    /// call returned, at the latest after it is destroyed; the link weakly, as it holds the connection.
    static func open(
        _ options: borrowing CNATSOptions,
        link: ConnectionLink,
        monitor: ConnectionMonitor
    ) throws(NATSError) -> CNATSConnection {
        let context = Unmanaged.passRetained(CNATSObserver(link: link, monitor: monitor))
        // Released by connectionClosed, or here if no connection comes of it: then there are no callbacks.
        do throws(NATSError) {
            let closure = context.toOpaque()
            try options.check(natsOptions_SetDisconnectedCB(options.raw, connectionLost, closure), "the disconnect callback")
            try options.check(natsOptions_SetReconnectedCB(options.raw, connectionRegained, closure), "the reconnect callback")
            try options.check(natsOptions_SetClosedCB(options.raw, connectionClosed, closure), "the close callback")
            try options.check(natsOptions_SetErrorHandler(options.raw, connectionReportedError, closure), "the error callback")
            var created: OpaquePointer?
            let status = natsConnection_Connect(&created, options.raw)
            guard status == NATS_OK, let created else { throw connectError(status) }
            return CNATSConnection(handle: CNATSPointer(raw: created))
        } catch {
            context.release()
            throw error
        }
    }

    private static func connectError(_ status: natsStatus) -> NATSError {
        let error = NATSError(status, while: "Connecting")
        // The library reads the URLs only now.
        guard status == NATS_INVALID_ARG || status == NATS_ADDRESS_MISSING else { return error }
        return NATSError(.invalidConfiguration, "A NATS URL cannot be used. \(error.message)")
    }

    /// What the library last held against the server or the server against us; nil if all is well.
    var lastError: NATSError? { libraryError(of: raw) }

    /// What the server that was last connected to says of the largest message; nil if it said nothing.
    var maximumPayload: Int? {
        let bytes = natsConnection_GetMaxPayload(raw)
        return bytes > 0 ? Int(bytes) : nil
    }

    /// Ends the connection after sending what is buffered, for which it takes at most half a second. Blocks. The handle stays valid.
    func close() {
        natsConnection_Close(raw)
    }

    /// Frees a subscription that has ended, as soon as that is safe. Any thread.
    ///
    /// Up to 3.5.0 the library's reader looks a subscription up and uses it without holding it, so that freeing it at that moment crashes the
    /// process (https://github.com/nats-io/nats.c/issues/637); its error callback does the same (https://github.com/nats-io/nats.c/pull/659).
    /// Once the answer to a ping sent later has come through the reader, the reader has put the subscription down.
    func retire(_ subscription: CNATSPointer) {
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

    /// Blocks.
    private func releaseRetired() {
        let candidates = retired.withLock(\.self)
        // Without a server the reader is between two lives: wait for the next. Once closed, it has ended.
        let isSafe = natsConnection_IsClosed(raw) || flush(timeout: Self.releaseTimeout) == nil
        guard isSafe else { return scheduleRelease() }
        for subscription in candidates { natsSubscription_Destroy(subscription.raw) }
        let remaining = retired.withLock { retired in
            retired.removeFirst(candidates.count)
            return retired.count
        }
        if remaining > 0 { scheduleRelease() }
    }

    /// Waits until the server has answered a ping that was sent behind all that is buffered. Blocks.
    func flush(timeout: Duration) -> NATSError? {
        let status = natsConnection_FlushTimeout(raw, timeout.libraryMilliseconds)
        return status == NATS_OK ? nil : NATSError(status, while: "Flushing")
    }

    /// Hands a message to the library, which copies it. May wait for a server that does not read, up to the write deadline.
    func publish(subject: String, reply: String?, headers: NATSHeaders, payload: [UInt8]) throws(NATSError) {
        guard let count = Int32(exactly: payload.count) else { throw NATSError(NATS_MAX_PAYLOAD, while: "Publishing") }
        let status = payload.withUnsafeBytes { bytes in
            guard !headers.isEmpty else {
                guard let reply else { return natsConnection_Publish(raw, subject, bytes.baseAddress, count) }
                return natsConnection_PublishRequest(raw, subject, reply, bytes.baseAddress, count)
            }
            var message: OpaquePointer?
            let data = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var status = natsMsg_Create(&message, subject, reply, data, count)
            defer { natsMsg_Destroy(message) }
            for field in headers.fields where status == NATS_OK {
                status = natsMsgHeader_Add(message, field.name, field.value)
            }
            return status == NATS_OK ? natsConnection_PublishMsg(raw, message) : status
        }
        guard status == NATS_OK else { throw NATSError(status, while: "Publishing") }
    }
}

// The callbacks of a connection. nats.c calls them on one thread of its own for all connections, one after another, so none of them may block.
// `closure` is the CNATSObserver that `open` retained.

/// Who is told what happens to a connection.
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
    // A connection that is being closed is told to have been lost first, which it was not.
    guard let closure, !natsConnection_IsClosed(connection) else { return }
    CNATSObserver.of(closure).link?.serverLost()
}

private func connectionRegained(_: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    CNATSObserver.of(closure).monitor.record(.reconnected)
}

/// The last callback of a connection, and the one place where the observer that `open` retained is released.
private func connectionClosed(_ connection: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    guard let closure else { return }
    let observer = Unmanaged<CNATSObserver>.fromOpaque(closure).takeRetainedValue()
    let reason = connection.flatMap(libraryError)
    if let link = observer.link { link.libraryClosed(reason: reason) } else { observer.monitor.record(.closed, reason: reason) }
}

/// Errors that concern no call: a subscriber that is too slow, a subject that is not permitted, a server that refuses us.
private func connectionReportedError(
    _: OpaquePointer?,
    _ subscription: OpaquePointer?,
    _ status: natsStatus,
    _ closure: UnsafeMutableRawPointer?
) {
    guard let closure else { return }
    let monitor = CNATSObserver.of(closure).monitor
    // nats.c keeps the server's words for the time of the call.
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

/// The last error of a connection. nats.c keeps the text inside the connection, so it is copied at once.
private func libraryError(of connection: OpaquePointer) -> NATSError? {
    var text: UnsafePointer<CChar>?
    let status = natsConnection_GetLastError(connection, &text)
    switch status {
    case NATS_OK: return nil
    // What the library calls a socket that the other side has closed; our own closing leaves no error.
    case NATS_CONNECTION_CLOSED: return .disconnected
    default: return NATSError(status, while: "Connecting")
    }
}
