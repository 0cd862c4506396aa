public import Basics

/// Decides which addresses webhooks may be sent to (contract §14).
///
/// Only hosts of the public Internet, and what the operator's allowed networks name (`WEBHOOK_ALLOWED_NETWORKS`). An address is compared in the form in
/// which it would be connected to. One that embeds an IPv4 address needs both: a translator's prefix can be allowed without opening what lies behind the
/// translator.
public struct AddressRules: Sendable, Hashable {
    /// An endpoint's host that is closed to webhooks.
    public enum Refusal: Error, Sendable, Hashable {
        /// The host has an address of this kind.
        case address(AddressKind)
        /// The scheme is `http`, and the host has an address outside of the allowed networks.
        case plainText
        /// The name has no address.
        case noAddress

        /// The reason, for the tenant: what the host has or is. It names no address.
        public var phrase: String {
            switch self {
            case .address(let kind): "has \(kind.phrase), which webhooks are not sent to"
            case .plainText: "must be called by https"
            case .noAddress: "has no address"
            }
        }
    }

    /// The setting's name.
    public static let settingName = "WEBHOOK_ALLOWED_NETWORKS"

    private let allowed: [IPNetwork]

    /// Creates rules.
    ///
    /// - Parameter allowedNetworks: networks such as `10.0.0.0/8`, and single addresses.
    /// - Throws: for an entry that is not a network.
    public init(allowedNetworks: [String] = []) throws(ValidationError) {
        allowed = try IPNetwork.list(allowedNetworks, setting: Self.settingName)
    }

    /// Returns why an address is refused; nil when it is open to webhooks.
    public func refusal(of address: IPAddress) -> AddressKind? {
        if let kind = AddressKind.of(address), !isNamed(address) { return kind }
        return address.embedded.flatMap { refusal(of: $0) }
    }

    /// Throws when a URL can never be sent to, whatever its host's name means: for the request that registers it.
    public func check(_ url: WebhookURL) throws(Refusal) {
        switch url.host {
        case .address(let address): _ = try check([address], of: url)
        case .name: guard url.isSecure || !allowed.isEmpty else { throw .plainText }
        }
    }

    /// Checks all addresses that a URL's host has at this moment: one that is refused refuses all, because the name's owner chooses which is used.
    ///
    /// - Returns: the addresses that may be connected to, in their order.
    public func check(_ addresses: [IPAddress], of url: WebhookURL) throws(Refusal) -> [IPAddress] {
        guard !addresses.isEmpty else { throw .noAddress }
        for address in addresses {
            if let kind = refusal(of: address) { throw .address(kind) }
            guard url.isSecure || permitsPlainText(address) else { throw .plainText }
        }
        return addresses
    }

    /// Whether the operator named the address, and the one that it embeds: behind a translator's prefix lies the whole Internet.
    private func permitsPlainText(_ address: IPAddress) -> Bool { isNamed(address) && address.embedded.map(isNamed) ?? true }

    private func isNamed(_ address: IPAddress) -> Bool { allowed.contains { $0.contains(address) } }
}
