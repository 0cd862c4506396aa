import Glibc

/// An IPv4 or IPv6 address without a zone.
public enum IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 address in host byte order.
    case v4(UInt32)
    /// An IPv6 address in host byte order.
    case v6(UInt128)

    /// Parses the one spelling of an IPv4 address that all readers agree on, four decimal numbers without leading zeros, or an IPv6 address
    /// (RFC 4291 §2.2). Nil for everything else: brackets, zones, and what inet_aton(3) also accepts (octal, hexadecimal, fewer than four
    /// parts).
    public init?(_ text: some StringProtocol) {
        if let address = Self.dottedDecimal(text.utf8) {
            self = .v4(address)
        } else if text.utf8.contains(UInt8(ascii: ":")), text.utf8.count <= Self.longestIPv6,
            text.utf8.allSatisfy({ Self.isIPv6Character($0) })
        {
            var bytes = [UInt8](repeating: 0, count: 16)
            guard inet_pton(AF_INET6, String(text), &bytes) == 1 else { return nil }
            self = .v6(bytes.reduce(0) { $0 << 8 | UInt128($1) })
        } else {
            return nil
        }
    }

    /// The shortest text: RFC 5952 for IPv6.
    public var description: String {
        switch self {
        case .v4(let address):
            return [24, 16, 8, 0].map { String(address >> UInt32($0) & 0xFF) }.joined(separator: ".")
        case .v6(let address):
            var bytes = address.bigEndian
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            guard inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count)) != nil else { return "::" }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// INET6_ADDRSTRLEN without the NUL.
    private static let longestIPv6 = 45

    private static func isIPv6Character(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func dottedDecimal(_ text: some Collection<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard byte &- UInt8(ascii: "0") < 10 else { return nil }
                number = number * 10 + UInt32(byte &- UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }
}

extension IPAddress {
    /// The address itself; of an IPv4 address that is mapped to IPv6 (RFC 4291 §2.5.5.2), as a listener for both has its peers, the IPv4 address.
    package var unmapped: IPAddress {
        guard case .v6(let address) = self, address >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: address))
    }
}
