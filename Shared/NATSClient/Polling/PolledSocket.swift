import Basics
import CNATS
import Glibc
import Synchronization

/// The socket of a polled connection: the event loop that nats.c sees.
///
/// All of it runs on the ``PollingThread``, except for the callbacks of nats.c and ``add(_:)``. The callbacks come with the connection's mutex held.
final class PolledSocket: Sendable {
    /// A subscription whose messages the thread passes to its handler.
    struct Subscription: Sendable {
        let handle: CNATSPointer
        let handler: @Sendable (borrowing NATSDelivery) -> Void
    }

    private struct State {
        /// The connection and its descriptor, while it may be polled.
        var watched: (connection: CNATSPointer, descriptor: Int32, id: UInt64)?
        /// Whether nats.c has bytes to write.
        var hasBytes = false
        /// Whether the thread waits until the socket can be written.
        var awaitsWrites = false
        var subscriptions: [Subscription] = []
    }

    private let thread: PollingThread
    private let state = Mutex(State())

    private init(_ thread: PollingThread) { self.thread = thread }

    /// Returns the socket of a connection that is about to be opened with `options`. It must outlive the connection.
    static func make(for options: borrowing CNATSOptions) throws(NATSError) -> PolledSocket {
        let socket: PolledSocket
        do throws(SystemCallError) {
            socket = PolledSocket(try PollingThread.started())
        } catch {
            throw NATSError(.libraryFailure, "The thread that serves the connection cannot be started: \(error). It is tried again.")
        }
        let loop = Unmanaged.passUnretained(socket).toOpaque()
        try options.check(
            natsOptions_SetEventLoop(options.raw, loop, socketAttached, socketReads, socketWrites, socketDetached),
            "the event loop"
        )
        return socket
    }

    /// Adds a subscription of the connection. Its messages are passed on from the next read.
    func add(_ subscription: Subscription) {
        state.withLock { $0.subscriptions.append(subscription) }
        // What arrived before.
        thread.run { self.deliver() }
    }

    /// Ends a subscription, and frees it.
    func remove(_ handle: CNATSPointer) {
        thread.run {
            self.state.withLock { state in state.subscriptions.removeAll { $0.handle.raw == handle.raw } }
            natsSubscription_Destroy(handle.raw)
        }
    }

    /// Closes the connection, and then runs `then`, on the thread. What the server does not take at once is dropped.
    func close(_ connection: CNATSPointer, then: @escaping @Sendable () -> Void) {
        thread.run {
            self.writeBytes()
            self.dropBytes()
            natsConnection_Close(connection.raw)
            then()
        }
    }

    // MARK: The thread

    func isReady(toRead: Bool, toWrite: Bool) {
        if toWrite { writeBytes() }
        guard toRead, let connection = state.withLock({ $0.watched?.connection }) else { return }
        natsConnection_ProcessReadEvent(connection.raw)
        deliver()
    }

    /// Passes the messages that were read to their handlers.
    private func deliver() {
        for subscription in state.withLock({ $0.subscriptions }) {
            var message: OpaquePointer?
            while natsSubscription_NextMsg(&message, subscription.handle.raw, 0) == NATS_OK, let arrived = message {
                subscription.handler(NATSDelivery(owning: arrived))
            }
        }
    }

    /// Writes what nats.c has to write, as far as the socket takes it.
    private func writeBytes() {
        guard let watched = state.withLock({ $0.hasBytes ? $0.watched : nil }) else { return }
        natsConnection_ProcessWriteEvent(watched.connection.raw)
        let change: Bool? = state.withLock { state in
            // Perhaps the write failed, and nats.c has closed the socket.
            guard state.watched != nil, state.awaitsWrites != state.hasBytes else { return nil }
            state.awaitsWrites = state.hasBytes
            return state.hasBytes
        }
        if let change { thread.watchWrites(change, of: watched.descriptor, id: watched.id) }
    }

    /// Makes a write fail, so that nats.c closes the connection if it still has bytes to write. Otherwise its close would wait half a second for a pong that
    /// only this thread could read.
    private func dropBytes() {
        guard let watched = state.withLock({ $0.hasBytes ? $0.watched : nil }) else { return }
        shutdown(watched.descriptor, Int32(SHUT_RDWR))
        natsConnection_ProcessWriteEvent(watched.connection.raw)
    }

    // MARK: Callbacks of nats.c

    fileprivate func attached(_ connection: CNATSPointer, _ descriptor: Int32) -> natsStatus {
        do throws(SystemCallError) {
            let id = try thread.watch(self, descriptor: descriptor)
            state.withLock { $0.watched = (connection, descriptor, id) }
            return NATS_OK
        } catch {
            return NATS_SYS_ERROR
        }
    }

    fileprivate func writesWanted(_ areWanted: Bool) {
        let isFirst = state.withLock { state in
            defer { state.hasBytes = areWanted }
            return areWanted && !state.hasBytes
        }
        if isFirst { thread.run { self.writeBytes() } }
    }

    fileprivate func detached() {
        let watched = state.withLock { state in
            defer { state.watched = nil }
            return state.watched
        }
        if let watched { thread.unwatch(watched.descriptor, id: watched.id) }
    }

    fileprivate static func of(_ pointer: UnsafeMutableRawPointer) -> PolledSocket {
        Unmanaged<PolledSocket>.fromOpaque(pointer).takeUnretainedValue()
    }
}

/// After the connection was established, on the connecting thread.
private func socketAttached(
    _ place: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ socket: UnsafeMutableRawPointer?,
    _ connection: OpaquePointer?,
    _ descriptor: natsSock
) -> natsStatus {
    guard let place, let socket, let connection else { return NATS_INVALID_ARG }
    place.pointee = socket
    return PolledSocket.of(socket).attached(CNATSPointer(raw: connection), descriptor)
}

/// Before the descriptor is closed: reads are wanted from the attachment on.
private func socketReads(_ socket: UnsafeMutableRawPointer?, _ areWanted: Bool) -> natsStatus {
    guard let socket else { return NATS_INVALID_ARG }
    if !areWanted { PolledSocket.of(socket).detached() }
    return NATS_OK
}

/// When the first byte is buffered, and when the last one is written.
private func socketWrites(_ socket: UnsafeMutableRawPointer?, _ areWanted: Bool) -> natsStatus {
    guard let socket else { return NATS_INVALID_ARG }
    PolledSocket.of(socket).writesWanted(areWanted)
    return NATS_OK
}

/// After the connection is closed.
private func socketDetached(_ socket: UnsafeMutableRawPointer?) -> natsStatus {
    guard let socket else { return NATS_INVALID_ARG }
    PolledSocket.of(socket).detached()
    return NATS_OK
}
