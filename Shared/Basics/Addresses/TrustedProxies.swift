/// The proxies whose word about a request's client counts. Other peers can name any address in `X-Forwarded-For`, so theirs is ignored.
public struct TrustedProxies: Sendable, Hashable {
    /// The setting's name.
    public static let settingName = "TRUSTED_PROXIES"
    /// Loopback and the private networks (RFC 1918, RFC 4193): where proxies run beside the processes, and where no client of the Internet sends from.
    public static let defaultNetworks = ["127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
    /// Trusts no peer.
    public static let none = TrustedProxies()

    private let networks: [IPNetwork]

    private init() { networks = [] }

    /// - Parameter networks: networks such as `10.0.0.0/8`, and single addresses.
    /// - Throws: for an entry that is not a network, and for IPv4 in the form of IPv6, in which no peer is compared.
    public init(_ networks: [String]) throws(ValidationError) {
        if let mapped = networks.first(where: { $0.lowercased().hasPrefix("::ffff:") }) {
            throw ValidationError(field: Self.settingName, message: "has \(mapped): write IPv4 networks as 10.0.0.0/8")
        }
        self.networks = try IPNetwork.list(networks, setting: Self.settingName)
    }

    /// Returns the network of a request's client: of the last address of `X-Forwarded-For`, which the nearest proxy has seen, if the peer is one of these
    /// proxies and the address is well-formed; else of the peer. Nil for a peer that is not known.
    ///
    /// - Parameters:
    ///   - forwarded: the values of `X-Forwarded-For`.
    ///   - peer: the address that the connection came from.
    public func client(of peer: String?, forwarded: [String]) -> ClientNetwork? {
        guard let peer = peer.flatMap({ IPAddress($0) })?.unmapped else { return nil }
        guard networks.contains(where: { $0.contains(peer) }), let last = forwarded.last?.split(separator: ",").last,
            let client = ClientNetwork(last.filter { $0 != " " && $0 != "\t" })
        else { return ClientNetwork(peer) }
        return client
    }
}
