package import Basics
package import NIOCore

/// Accepts a listener's connections instead of NIO: serves those that can be served without waiting, and hands over the others unread.
package protocol ConnectionDoor: Sendable {
    /// Opens the listening socket and starts to accept.
    ///
    /// - Parameters:
    ///   - backlog: the listen backlog, in connections.
    ///   - budget: the limit on open files for all connections of the listener, including those handed over.
    ///   - handOver: takes a connected, non-blocking descriptor from which nothing was read. Called on any thread.
    /// - Returns: the bound address, with the assigned port for port 0.
    /// - Throws: `IOError` of a system call; `SocketAddressError` for a host that cannot be resolved.
    func open(
        host: String,
        port: Int,
        backlog: Int32,
        budget: DescriptorBudget,
        handOver: @escaping @Sendable (Int32) -> Void
    ) throws -> SocketAddress

    /// Closes the listening socket. After it returns, `handOver` is not called again.
    func close() async
}
