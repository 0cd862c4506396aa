import CEpoll
import Glibc
import NIOCore
import NIOPosix

/// Opens sockets that listen at one address, one for each delivery loop; the kernel spreads the connections (`SO_REUSEPORT`).
enum ListeningSocket {
    /// How long the kernel holds back a connection whose client sends nothing, in seconds. Later requests are left to the NIO front.
    private static let patience: Int32 = 1

    /// Opens `count` sockets.
    ///
    /// - Parameters:
    ///   - port: 0 for a free one.
    ///   - backlog: the most connections queued by the kernel for each socket.
    /// - Returns: the descriptors, and the address with its port.
    /// - Throws: `IOError`; `SocketAddressError` for a host that cannot be resolved.
    static func open(_ count: Int, host: String, port: Int, backlog: Int32) throws -> (descriptors: [Int32], address: SocketAddress) {
        var address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        if port != 0 { try self.checkIsFree(address) }
        var descriptors: [Int32] = []
        do {
            for _ in 0..<count {
                let descriptor = try self.bind(to: address, sharesPort: true)
                descriptors.append(descriptor)
                try self.check("listen", Glibc.listen(descriptor, backlog))
                address.port = try self.port(of: descriptor)
            }
            let text = address.ipAddress.map { try? SocketAddress(ipAddress: $0, port: address.port ?? port) } ?? nil
            return (descriptors, text ?? address)
        } catch {
            for descriptor in descriptors { Glibc.close(descriptor) }
            throw error
        }
    }

    /// Throws if another process listens at the address: with a shared port each would accept clients of the other.
    private static func checkIsFree(_ address: SocketAddress) throws {
        let descriptor = try self.bind(to: address, sharesPort: false)
        defer { Glibc.close(descriptor) }
        try self.check("listen", Glibc.listen(descriptor, 1))
    }

    private static func bind(to address: SocketAddress, sharesPort: Bool) throws -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = try self.check("socket", socket(Int32(address.protocol.rawValue), kind, 0))
        do {
            try self.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            if sharesPort {
                try self.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)
                try self.set(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, self.patience)
            }
            _ = try address.withSockAddr { pointer, size in try self.check("bind", Glibc.bind(descriptor, pointer, socklen_t(size))) }
            return descriptor
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func port(of descriptor: Int32) throws -> Int {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
        }
        try self.check("getsockname", result)
        // The port has the same offset in `sockaddr_in` and `sockaddr_in6`.
        return withUnsafeBytes(of: &address) { Int(UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))) }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws {
        var value = value
        try self.check("setsockopt", setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)))
    }

    @discardableResult
    private static func check(_ call: String, _ result: Int32) throws -> Int32 {
        guard result >= 0 else { throw IOError(errnoCode: errno, reason: call) }
        return result
    }
}
