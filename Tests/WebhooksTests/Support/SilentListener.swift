import NIOCore
import NIOPosix

/// A listener on the loopback whose queue is full: the kernel answers no further connection, like a firewall that drops everything.
final class SilentListener: Sendable {
    let port: Int
    private let listener: any Channel
    private let clients: [EventLoopFuture<any Channel>]

    init() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 0)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0)
            .get()
        guard let address = listener.localAddress, let port = address.port else { preconditionFailure("a bound socket has an address") }
        self.listener = listener
        self.port = port
        // A queue of length 0 takes one; the others are in case a kernel takes more.
        clients = (0..<4).map { _ in ClientBootstrap(group: group).connectTimeout(.hours(1)).connect(to: address) }
    }

    deinit {
        listener.close(promise: nil)
        for client in clients { client.whenSuccess { $0.close(promise: nil) } }
    }
}
