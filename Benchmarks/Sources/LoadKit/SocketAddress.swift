import CLinux
import Glibc

/// An IPv4 address and port.
struct SocketAddress: Sendable, Hashable {
    /// The address in dotted decimal.
    let host: String
    let port: UInt16

    /// - Parameter text: `127.0.0.1:8081`, or only a port for loopback.
    init(_ text: String) throws(LoadError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var address = in_addr()
        guard parts.count <= 2, let port = parts.last.flatMap({ UInt16($0) }), port > 0 else {
            throw LoadError("\"\(text)\" is no address; give <IPv4 address>:<port>, for example 127.0.0.1:8081.")
        }
        host = parts.count == 2 ? String(parts[0]) : "127.0.0.1"
        self.port = port
        guard inet_pton(AF_INET, host, &address) == 1 else {
            throw LoadError("\"\(host)\" is no IPv4 address; give one in numbers, for example 127.0.0.1.")
        }
    }

    /// Returns a connected, blocking socket with `TCP_NODELAY`, whose calls time out after `timeout` seconds. The caller closes it.
    func connected(timeout: Int) throws(LoadError) -> Int32 {
        let descriptor = try SystemCall.check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw LoadError("Nothing answers at \(host):\(port) (\(reason)); start it first.")
        }
        return descriptor
    }
}
