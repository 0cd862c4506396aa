import CLinux
import Glibc

/// Ports of 127.0.0.1.
enum FreePort {
    /// Returns a currently free port.
    static func next() throws(LoadError) -> UInt16 {
        let descriptor = try SystemCall.check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        defer { close(descriptor) }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> Int32 in
                let bound = bind(descriptor, pointer, length)
                return bound == 0 ? getsockname(descriptor, pointer, &length) : bound
            }
        }
        try SystemCall.check("bind", result)
        return UInt16(bigEndian: address.sin_port)
    }

    /// Returns whether a server listens at an address.
    static func isTaken(_ address: SocketAddress) -> Bool {
        guard let descriptor = try? address.connected(timeout: 1) else { return false }
        close(descriptor)
        return true
    }
}
