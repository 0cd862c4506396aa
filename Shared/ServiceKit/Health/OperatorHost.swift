import HTTPAPI
import NIOCore

/// The rule for `Host` of the requests of operators: it must not be a name that anybody can register in the public DNS.
///
/// The admin listener asks for no token. A page whose name changes to the listener's address would be of the listener's own origin, and could read the
/// answers in the browser of an operator (DNS rebinding). Its requests name the page's host.
enum OperatorHost {
    /// Top-level domains of private networks: RFC 6761 §6.3, RFC 6762 §3, RFC 8375, and `internal`, which ICANN reserves.
    private static let privateDomains = [".localhost", ".local", ".home.arpa", ".internal"]

    /// - Parameter authority: the value of `Host`, with or without a port.
    static func isPrivate(_ authority: String?) -> Bool {
        guard let host = authority.flatMap({ WebOrigin("http://\($0)") })?.host else { return false }
        if host.hasPrefix("[") || !host.contains(".") { return true }
        return privateDomains.contains { host.hasSuffix($0) } || (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }

    /// - Throws: `forbidden` for another host.
    static func check(_ authority: String?) throws(APIError) {
        guard isPrivate(authority) else {
            throw .forbidden(
                "Host: must be an address, a name without a dot, or one below .localhost, .local, .internal or .home.arpa."
            )
        }
    }
}
