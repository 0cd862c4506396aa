public import Basics

/// Why an address is closed to webhooks: the kinds of addresses that are not hosts of the public Internet.
public enum AddressKind: String, Sendable, Hashable, CaseIterable {
    case unspecified, loopback, `private`, sharedAddressSpace, linkLocal, metadata, documentation, benchmark, multicast, broadcast, reserved
    case uniqueLocal, siteLocal, mapped, compatible, translated, sixToFour, teredo, isatap

    /// The kind with its article, for error messages.
    public var phrase: String {
        switch self {
        case .unspecified: "an unspecified address"
        case .loopback: "a loopback address"
        case .private: "a private address"
        case .sharedAddressSpace: "an address of carrier-grade NAT"
        case .linkLocal: "a link-local address"
        case .metadata: "an address of a metadata service"
        case .documentation: "an address for documentation"
        case .benchmark: "an address for benchmarks"
        case .multicast: "a multicast address"
        case .broadcast: "a broadcast address"
        case .reserved: "a reserved address"
        case .uniqueLocal: "a unique local address"
        case .siteLocal: "a site-local address"
        case .mapped: "an IPv4-mapped address"
        case .compatible: "an IPv4-compatible address"
        case .translated: "an address that is translated to IPv4"
        case .sixToFour: "a 6to4 address"
        case .teredo: "a Teredo address"
        case .isatap: "an ISATAP address"
        }
    }

    /// Returns the kind of an address; nil for a host of the public Internet.
    public static func of(_ address: IPAddress) -> AddressKind? {
        if let row = table.first(where: { row in row.network.contains(address) }) { return row.kind }
        if address.isISATAP { return .isatap }
        guard case .v6 = address else { return nil }
        // IANA assigns addresses of hosts from this range alone (RFC 4291 §2.4 and the registry of IPv6 address space).
        return globalUnicast.contains(address) ? nil : .reserved
    }

    private static let globalUnicast = IPNetwork(literal: "2000::/3")

    /// The special-purpose registries of IANA (RFC 6890 and later), and the addresses of metadata services. The first row that contains an
    /// address counts, so narrow ranges come before wide ones.
    private static let table: [(network: IPNetwork, kind: AddressKind)] = [
        // Metadata services: AWS, Google, Azure and others; AWS containers; Alibaba; Azure's host; Oracle; AWS over IPv6.
        (IPNetwork(literal: "169.254.169.254"), .metadata),
        (IPNetwork(literal: "169.254.170.2"), .metadata),
        (IPNetwork(literal: "100.100.100.200"), .metadata),
        (IPNetwork(literal: "168.63.129.16"), .metadata),
        (IPNetwork(literal: "192.0.0.192"), .metadata),
        (IPNetwork(literal: "fd00:ec2::254"), .metadata),
        (IPNetwork(literal: "255.255.255.255"), .broadcast),
        (IPNetwork(literal: "0.0.0.0/8"), .unspecified),
        (IPNetwork(literal: "10.0.0.0/8"), .private),
        (IPNetwork(literal: "100.64.0.0/10"), .sharedAddressSpace),
        (IPNetwork(literal: "127.0.0.0/8"), .loopback),
        (IPNetwork(literal: "169.254.0.0/16"), .linkLocal),
        (IPNetwork(literal: "172.16.0.0/12"), .private),
        (IPNetwork(literal: "192.0.0.0/24"), .reserved),
        (IPNetwork(literal: "192.0.2.0/24"), .documentation),
        (IPNetwork(literal: "192.88.99.0/24"), .sixToFour),
        (IPNetwork(literal: "192.168.0.0/16"), .private),
        (IPNetwork(literal: "198.18.0.0/15"), .benchmark),
        (IPNetwork(literal: "198.51.100.0/24"), .documentation),
        (IPNetwork(literal: "203.0.113.0/24"), .documentation),
        (IPNetwork(literal: "224.0.0.0/4"), .multicast),
        (IPNetwork(literal: "240.0.0.0/4"), .reserved),
        (IPNetwork(literal: "::"), .unspecified),
        (IPNetwork(literal: "::1"), .loopback),
        (.mapped, .mapped),
        (.statelessTranslation, .translated),
        (.compatible, .compatible),
        (.nat64, .translated),
        (.localNAT64, .translated),
        (.teredo, .teredo),
        (IPNetwork(literal: "2001:2::/48"), .benchmark),
        (IPNetwork(literal: "2001:db8::/32"), .documentation),
        (IPNetwork(literal: "2001::/23"), .reserved),
        (.sixToFour, .sixToFour),
        (IPNetwork(literal: "3fff::/20"), .documentation),
        (IPNetwork(literal: "fc00::/7"), .uniqueLocal),
        (IPNetwork(literal: "fe80::/10"), .linkLocal),
        (IPNetwork(literal: "fec0::/10"), .siteLocal),
        (IPNetwork(literal: "ff00::/8"), .multicast),
    ]
}

extension IPNetwork {
    static let mapped = IPNetwork(literal: "::ffff:0:0/96")
    static let compatible = IPNetwork(literal: "::/96")
    /// RFC 2765 §2.1.
    static let statelessTranslation = IPNetwork(literal: "::ffff:0:0:0/96")
    /// RFC 6052 §2.1.
    static let nat64 = IPNetwork(literal: "64:ff9b::/96")
    /// RFC 8215. The address is taken from the last 32 bits, as with a prefix of 96 bits; with other prefixes these are no host's.
    static let localNAT64 = IPNetwork(literal: "64:ff9b:1::/48")
    static let sixToFour = IPNetwork(literal: "2002::/16")
    static let teredo = IPNetwork(literal: "2001::/32")

    static let embeddingLast32Bits = [mapped, compatible, statelessTranslation, nat64, localNAT64]
}
