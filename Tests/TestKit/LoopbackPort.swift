import Glibc

/// Ports of 127.0.0.1.
public enum LoopbackPort {
    /// Returns a currently unused port, for a server that cannot choose one itself.
    public static func free() throws(TestKitError) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestKitError("There is no socket left.") }
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard result == 0 else { throw TestKitError("There is no free port.") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Returns whether a server listens on a port and sends data within a second of connecting.
    public static func greets(_ port: Int) -> Bool {
        (try? exchange(port, "", until: "", timeout: 1))?.isEmpty == false
    }

    /// Connects, sends a text, and returns the received text up to and including `end`, the end of the connection, or the timeout.
    ///
    /// - Parameters:
    ///   - port: The port.
    ///   - text: The text to send.
    ///   - end: The text that ends the answer; empty to return after the first bytes.
    ///   - timeout: Maximum wait for more bytes, in seconds.
    public static func exchange(_ port: Int, _ text: String, until end: String, timeout: Int = 5) throws(TestKitError) -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestKitError("There is no socket left.") }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = loopback(port: port)
        let connected = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw TestKitError("Nobody listens on port \(port).") }
        let sent = Array(text.utf8)
        guard send(descriptor, sent, sent.count, Int32(MSG_NOSIGNAL)) == sent.count else {
            throw TestKitError("Port \(port) does not take what is sent.")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while answer.isEmpty || !String(decoding: answer, as: UTF8.self).contains(end) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return address
    }
}
