import Glibc

/// The network that a client sends from, for shares of those who have no tenant: an IPv4 address, or 64 bits of an IPv6 address, because one client has all
/// addresses behind them.
public struct ClientNetwork: Sendable, Hashable {
    /// In network order.
    private let bytes: [UInt8]

    /// Parses an address as inet_pton(3) does; nil if malformed. An IPv4 address that is mapped to IPv6 is the IPv4 address.
    public init?(_ address: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &bytes) == 1 {
            self.bytes = Array(bytes.prefix(4))
            return
        }
        guard inet_pton(AF_INET6, address, &bytes) == 1 else { return nil }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10..<12].allSatisfy { $0 == 0xFF }
        self.bytes = Array(isMapped ? bytes[12...] : bytes[..<8])
    }
}
