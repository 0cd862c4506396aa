import CLinux
import Glibc
import Synchronization

@testable import LoadKit

/// A loopback server for a fixed number of connections. Answers requests without a body as a test defines, and ends when all of its
/// clients have closed.
final class StubServer: Sendable {
    let address: SocketAddress
    private let listener: Int32
    private let connections: Int
    private let answer: @Sendable (_ target: String) -> [UInt8]
    private let counter = Atomic<Int>(0)

    /// - Parameter answer: returns the bytes for a request's target; an empty array closes the connection.
    init(connections: Int, answer: @escaping @Sendable (_ target: String) -> [UInt8]) throws {
        self.connections = connections
        self.answer = answer
        listener = try SystemCall.check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        // Without an address, the system listens on a free port of all interfaces, loopback included.
        try SystemCall.check("listen", listen(listener, 64))
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) { [listener] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        try SystemCall.check("getsockname", result)
        address = try SocketAddress("127.0.0.1:\(UInt16(bigEndian: name.sin_port))")
        var thread = pthread_t()
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            context.map { Unmanaged<StubServer>.fromOpaque($0).takeRetainedValue().run() }
            return nil
        }
        pthread_create(&thread, nil, start, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    /// Number of answered requests.
    var requests: Int { counter.load(ordering: .acquiring) }

    /// Returns the bytes of a response.
    static func answer(status: Int, _ body: String) -> [UInt8] {
        Array("HTTP/1.1 \(status) Text\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    private func run() {
        var clients = (0..<connections).map { _ in pollfd(fd: accept(listener, nil, nil), events: Int16(POLLIN), revents: 0) }
        close(listener)
        while clients.contains(where: { $0.fd >= 0 }) {
            poll(&clients, nfds_t(clients.count), -1)
            for index in clients.indices where clients[index].fd >= 0 && clients[index].revents != 0 {
                if serve(clients[index].fd) { continue }
                close(clients[index].fd)
                // poll(2) ignores negative descriptors.
                clients[index].fd = -1
            }
        }
    }

    /// Answers a request, which arrives in one read because it is small. Returns whether the connection stays open.
    private func serve(_ descriptor: Int32) -> Bool {
        let request = [UInt8](unsafeUninitializedCapacity: 4096) { $1 = max(0, recv(descriptor, $0.baseAddress, $0.count, 0)) }
        let words = String(decoding: request, as: UTF8.self).split(separator: " ")
        guard words.count > 1 else { return false }
        let bytes = answer(String(words[1]))
        counter.add(1, ordering: .releasing)
        return !bytes.isEmpty && (try? SystemCall.sendAll(bytes, to: descriptor)) != nil
    }
}
