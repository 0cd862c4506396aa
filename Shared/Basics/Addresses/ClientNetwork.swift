/// The network that a client sends from, for shares of those who have no tenant: an IPv4 address, or 64 bits of an IPv6 address, because one client has all
/// addresses behind them.
public struct ClientNetwork: Sendable, Hashable {
    /// The first address of the network.
    private let address: IPAddress

    /// Creates the network of an address. An IPv4 address that is mapped to IPv6 is the IPv4 address.
    package init(_ address: IPAddress) {
        switch address.unmapped {
        case .v4(let address): self.address = .v4(address)
        case .v6(let address): self.address = .v6((address >> 64) << 64)
        }
    }

    /// Parses an address; nil if malformed.
    public init?(_ text: String) {
        guard let address = IPAddress(text) else { return nil }
        self.init(address)
    }
}
