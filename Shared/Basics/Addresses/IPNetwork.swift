/// A range of addresses in CIDR notation (RFC 4632, RFC 4291 §2.3).
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// The first address.
    public let address: IPAddress
    /// The number of leading bits that all addresses share.
    public let prefixLength: Int

    /// Parses `10.0.0.0/8`, `fd00::/8`, or one address. Nil if malformed, and when bits behind the prefix are set.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        let width = address.width
        var length = width
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
                let given = Int(parts[1]), given <= width
            else { return nil }
            length = given
        }
        self.init(address: address, prefixLength: length)
        guard contains(address), address.bits << UInt128(128 - width) & ~Self.mask(length) == 0 else { return nil }
    }

    private init(address: IPAddress, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Parses the entries of a setting.
    ///
    /// - Parameter setting: its name, for the error.
    /// - Throws: for an entry that is not a network.
    package static func list(_ entries: [String], setting: String) throws(ValidationError) -> [IPNetwork] {
        var networks: [IPNetwork] = []
        for entry in entries {
            guard let network = IPNetwork(entry) else {
                throw ValidationError(
                    field: setting,
                    message: """
                        has \(ValidationError.excerpt(entry)), which is not a network such as 10.0.0.0/8 or fd00::/8; bits behind the prefix must be 0
                        """
                )
            }
            networks.append(network)
        }
        return networks
    }

    /// Returns whether an address of the same family is in the range.
    public func contains(_ other: IPAddress) -> Bool {
        guard address.width == other.width else { return false }
        let shift = UInt128(128 - address.width)
        return (address.bits << shift ^ other.bits << shift) & Self.mask(prefixLength) == 0
    }

    /// The address, a slash and the length of the prefix.
    public var description: String { "\(address)/\(prefixLength)" }

    /// Creates a range of a table in the source. Traps if malformed.
    package init(literal text: StaticString) {
        guard let network = IPNetwork("\(text)") else { preconditionFailure("\(text) is not a network") }
        self = network
    }

    /// The highest `length` bits of 128.
    private static func mask(_ length: Int) -> UInt128 { length == 0 ? 0 : UInt128.max << UInt128(128 - length) }
}

extension IPAddress {
    /// Bits of an address of this family.
    fileprivate var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    fileprivate var bits: UInt128 {
        switch self {
        case .v4(let address): UInt128(address)
        case .v6(let address): address
        }
    }
}
