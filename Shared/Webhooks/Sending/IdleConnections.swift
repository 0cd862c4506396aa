import Basics
import NIOCore
import Synchronization

/// Connections that wait for another delivery to the same host, so that not every delivery costs a handshake. Any thread.
///
/// An attempt takes one only to an address that it has just resolved and checked.
final class IdleConnections: Sendable {
    /// What a connection leads to, and whom it was made for.
    struct Key: Hashable, Sendable {
        /// Scheme, host and port: with TLS, whose certificate was verified.
        var origin: String
        var address: IPAddress
    }

    private struct Entry {
        var channel: any Channel
        var timer: Scheduled<Void>
    }

    private struct State {
        var entries: [Key: [Entry]] = [:]
        var count = 0
        var isClosed = false
    }

    private let limits: WebhookSenderConfiguration.Limits
    private let timeout: TimeAmount
    private let state = Mutex(State())

    init(_ limits: WebhookSenderConfiguration.Limits, timeout: Duration) {
        self.limits = limits
        self.timeout = .nanoseconds(timeout.nanoseconds)
    }

    /// Number of connections.
    var count: Int { state.withLock { $0.count } }

    /// Returns the connection that was used last; the caller owns it.
    func take(_ key: Key) -> (any Channel)? {
        while true {
            let entry = state.withLock { state -> Entry? in
                guard let entry = state.entries[key]?.popLast() else { return nil }
                if state.entries[key]?.isEmpty == true { state.entries[key] = nil }
                state.count -= 1
                return entry
            }
            guard let entry else { return nil }
            entry.timer.cancel()
            if entry.channel.isActive { return entry.channel }
        }
    }

    /// Keeps a connection, or closes it when there are as many as there may be.
    func put(_ channel: any Channel, _ key: Key) {
        let timer = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        let isKept = state.withLock { state in
            guard !state.isClosed, state.count < limits.idleConnections,
                state.entries[key]?.count ?? 0 < limits.idleConnectionsPerAddress
            else { return false }
            state.entries[key, default: []].append(Entry(channel: channel, timer: timer))
            state.count += 1
            return true
        }
        guard isKept else {
            timer.cancel()
            channel.close(promise: nil)
            return
        }
        // It may have closed before it was kept, when there was nothing to forget yet.
        if !channel.isActive { remove(channel, key) }
    }

    /// Forgets a new connection when it closes. Once for each connection, before ``put(_:_:)``.
    func watch(_ channel: any Channel, _ key: Key) {
        channel.closeFuture.whenComplete { [weak self] _ in self?.remove(channel, key) }
    }

    /// Closes all connections, and those that are put from now on.
    func close() {
        let channels = state.withLock { state in
            state.isClosed = true
            return state.entries.values.flatMap { $0.map(\.channel) }
        }
        for channel in channels { channel.close(promise: nil) }
    }

    private func remove(_ channel: any Channel, _ key: Key) {
        let entry = state.withLock { state -> Entry? in
            guard let index = state.entries[key]?.firstIndex(where: { $0.channel === channel }) else { return nil }
            state.count -= 1
            let entry = state.entries[key]?.remove(at: index)
            if state.entries[key]?.isEmpty == true { state.entries[key] = nil }
            return entry
        }
        entry?.timer.cancel()
    }
}
