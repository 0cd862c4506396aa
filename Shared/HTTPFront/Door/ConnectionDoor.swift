package import Basics
package import NIOCore

/// Accepts the connections of a listener in place of NIO: serves those that it can serve at once, and hands over all others untouched.
package protocol ConnectionDoor: Sendable {
    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - backlog: connections that the kernel holds until they are accepted.
    ///   - budget: what all connections of the listener may take of the open files, those that are handed over included.
    ///   - handOver: takes a connected, non-blocking descriptor from which nothing was read. Any thread.
    /// - Returns: the address, with the port that was given for port 0.
    /// - Throws: `IOError` of a system call; `SocketAddressError` for a host that cannot be resolved.
    func open(
        host: String,
        port: Int,
        backlog: Int32,
        budget: DescriptorBudget,
        handOver: @escaping @Sendable (Int32) -> Void
    ) throws -> SocketAddress

    /// Stops listening. After it returns, nothing is handed over any more.
    func close() async
}
