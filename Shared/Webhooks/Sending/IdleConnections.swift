import Basics
import NIOCore
import Synchronization

/// Connections that wait for another delivery to the same host, so that not every delivery costs a handshake. Any thread.
///
/// The ``ExchangeHandler`` of a connection closes it when its idle time is over; a closed one is forgotten.
/// An attempt takes one only to an address that it has just resolved and checked.
final class IdleConnections: Sendable {
    /// What a connection leads to, and whom it was made for.
    struct Key: Hashable, Sendable {
        /// Scheme, host and port: with TLS, whose certificate was verified.
        var origin: String
        var address: IPAddress
    }

    private struct State {
        var channels: [Key: [any Channel]] = [:]
        var count = 0
        var isClosed = false

        mutating func removeLast(of key: Key) -> (any Channel)? {
            guard let last = channels[key]?.indices.last else { return nil }
            return remove(at: last, of: key)
        }

        mutating func remove(_ channel: any Channel, of key: Key) {
            guard let index = channels[key]?.firstIndex(where: { $0 === channel }) else { return }
            _ = remove(at: index, of: key)
        }

        private mutating func remove(at index: Int, of key: Key) -> (any Channel)? {
            let channel = channels[key]?.remove(at: index)
            if channels[key]?.isEmpty == true { channels[key] = nil }
            count -= 1
            return channel
        }
    }

    private let limits: WebhookSenderConfiguration.Limits
    private let state = Mutex(State())

    init(_ limits: WebhookSenderConfiguration.Limits) {
        self.limits = limits
    }

    /// Number of connections.
    var count: Int { state.withLock { $0.count } }

    /// Returns the connection that was used last; the caller owns it.
    func take(_ key: Key) -> (any Channel)? {
        while true {
            let channel = state.withLock { $0.removeLast(of: key) }
            guard let channel else { return nil }
            if channel.isActive { return channel }
        }
    }

    /// Keeps a connection, or closes it when there are as many as there may be.
    func put(_ channel: any Channel, _ key: Key) {
        let isKept = state.withLock { state in
            guard !state.isClosed, state.count < limits.idleConnections,
                state.channels[key]?.count ?? 0 < limits.idleConnectionsPerAddress
            else { return false }
            state.channels[key, default: []].append(channel)
            state.count += 1
            return true
        }
        guard isKept else { return channel.close(promise: nil) }
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
            return state.channels.values.joined()
        }
        for channel in channels { channel.close(promise: nil) }
    }

    private func remove(_ channel: any Channel, _ key: Key) { state.withLock { $0.remove(channel, of: key) } }
}
