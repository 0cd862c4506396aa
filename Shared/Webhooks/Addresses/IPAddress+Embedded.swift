import Basics

extension IPAddress {
    /// The IPv4 address that packets to this IPv6 address can end up at, by mapping, translation or a tunnel; nil when it embeds none.
    var embedded: IPAddress? {
        // `::` and `::1` have the form of an embedded address, and are none (RFC 4291 §2.5.5.1).
        guard case .v6(let address) = self, address > 1 else { return nil }
        let low = UInt32(truncatingIfNeeded: address)
        // Teredo has the client's address inverted (RFC 4380 §4).
        if IPNetwork.teredo.contains(self) { return .v4(~low) }
        // 6to4 has it behind the first 16 bits (RFC 3056 §2).
        if IPNetwork.sixToFour.contains(self) { return .v4(UInt32(truncatingIfNeeded: address >> 80)) }
        if IPNetwork.embeddingLast32Bits.contains(where: { $0.contains(self) }) || isISATAP { return .v4(low) }
        return nil
    }

    /// Whether the interface identifier is of ISATAP (RFC 5214 §6.1), in any prefix.
    var isISATAP: Bool {
        guard case .v6(let address) = self else { return false }
        // The two bits that may be set say whether the identifier is unique or of a group.
        return UInt32(truncatingIfNeeded: address >> 32) & 0xFCFF_FFFF == 0x0000_5EFE
    }
}
