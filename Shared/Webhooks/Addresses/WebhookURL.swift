public import Basics

/// The URL of an endpoint, parsed once: the host that is checked is the host that is connected to and named in TLS and in `Host`.
///
/// Accepts a strict subset of RFC 3986, in which all parsers agree: `https` or `http`, a host in one of three spellings (a name of letters,
/// digits, hyphens and underscores; four decimal numbers; IPv6 in brackets), perhaps a port, path and query. It is not an address check:
/// see ``AddressRules``.
public struct WebhookURL: Sendable, Hashable, CustomStringConvertible {
    /// Whom the URL names.
    public enum Host: Sendable, Hashable {
        /// A name in lower case, to be resolved.
        case name(String)
        /// An address.
        case address(IPAddress)
    }

    /// Maximum length in bytes.
    public static let maximumBytes = 2048

    /// Whether the scheme is `https`.
    public let isSecure: Bool
    /// The host.
    public let host: Host
    /// The port; the scheme's where the text has none.
    public let port: UInt16
    /// Path and query as they are sent; at least `/`.
    public let target: String
    /// Host, and the port unless it is the scheme's: the value of `Host`.
    public let authority: String
    /// Scheme, host and port, for logs and limits.
    public let origin: String

    /// Parses and validates a URL.
    ///
    /// - Parameter field: the value's name for the sender; errors begin with it.
    public init(_ text: String, field: String = "url") throws(ValidationError) {
        do throws(Fault) {
            try self.init(parsing: text)
        } catch {
            throw ValidationError(field: field, message: error.message)
        }
    }

    /// The URL in its normal form. A secret of the receiver may be in it: for its tenant alone, not for logs.
    public var description: String { "\(origin)\(target)" }

    /// The rule that a text breaks.
    private struct Fault: Error {
        let message: String
    }

    private init(parsing text: String) throws(Fault) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumBytes else {
            throw Fault(message: "must be at most \(Self.maximumBytes) bytes, but has \(bytes.count)")
        }
        // Parsers disagree about white space, backslashes and other bytes beyond RFC 3986.
        guard bytes.allSatisfy(Self.isURLCharacter) else {
            throw Fault(message: "must be ASCII without white space or backslashes: write a host's name as xn--…, other bytes as %XX")
        }
        guard let schemeEnd = bytes.firstIndex(of: UInt8(ascii: ":")) else { throw Self.form }
        switch String(decoding: bytes[..<schemeEnd], as: UTF8.self).lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw Self.form
        }
        var rest = bytes[(schemeEnd + 1)...]
        guard rest.starts(with: "//".utf8) else { throw Self.form }
        rest = rest.dropFirst(2)
        guard !rest.contains(UInt8(ascii: "#")) else { throw Fault(message: "must not have a fragment (#), which is never sent") }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !authority.contains(UInt8(ascii: "@")) else {
            throw Fault(message: "must not contain a user or a password: deliveries are signed instead")
        }
        let target = rest[authority.endIndex...]
        guard Self.hasValidEscapes(target) else { throw Fault(message: "has a % that is not followed by two hexadecimal digits") }
        (host, port) = try Self.parse(authority: authority, isSecure: isSecure)
        let path = String(decoding: target, as: UTF8.self)
        self.target = path.hasPrefix("/") ? path : "/\(path)"
        // Made once: every attempt needs both.
        let name =
            switch host {
            case .name(let name): name
            case .address(let address): if case .v6 = address { "[\(address)]" } else { "\(address)" }
            }
        self.authority = port == Self.defaultPort(isSecure: isSecure) ? name : "\(name):\(port)"
        origin = "\(isSecure ? "https" : "http")://\(self.authority)"
    }

    private static let form = Fault(message: "must look like https://hooks.example/causeway")

    private static func parse(authority: ArraySlice<UInt8>, isSecure: Bool) throws(Fault) -> (Host, UInt16) {
        let host: Host
        let rest: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")),
                let address = IPAddress(String(decoding: authority[(authority.startIndex + 1)..<end], as: UTF8.self)), case .v6 = address
            else { throw Fault(message: "has a host in brackets that is not an IPv6 address without a zone") }
            host = .address(address)
            rest = authority[(end + 1)...]
        } else {
            let name = authority.prefix { $0 != UInt8(ascii: ":") }
            host = try self.host(String(decoding: name, as: UTF8.self).lowercased())
            rest = authority[name.endIndex...]
        }
        guard !rest.isEmpty else { return (host, defaultPort(isSecure: isSecure)) }
        let digits = rest.dropFirst()
        guard rest.first == UInt8(ascii: ":"), (1...5).contains(digits.count), digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            let port = UInt16(String(decoding: digits, as: UTF8.self))
        else { throw Fault(message: "has a port that is not a number up to 65535") }
        guard isOpen(port) else {
            throw Fault(
                message: "has port \(port), which webhooks are not sent to: use 443, 80, or one above 1023 that no other protocol has"
            )
        }
        return (host, port)
    }

    private static func host(_ text: String) throws(Fault) -> Host {
        if let address = IPAddress(text) { return .address(address) }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, labels.allSatisfy(isLabel) else {
            throw Fault(
                message: """
                    has a host that is not a name of letters, digits, hyphens and dots without a final dot; names in other scripts are written as xn--…
                    """
            )
        }
        // What ends in a number is an address for inet_aton(3) and for browsers (WHATWG URL, "ends in a number"): 2130706433, 0x7f.1,
        // 017700000001.
        guard let last = labels.last, !isNumber(last) else {
            throw Fault(message: "has a host that looks like an address: write IPv4 as four decimal numbers without leading zeros")
        }
        return .name(text)
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
            && label.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    private static func isNumber(_ label: Substring.UTF8View) -> Bool {
        if label.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) { return true }
        return label.starts(with: "0x".utf8) && label.dropFirst(2).allSatisfy { Hexadecimal.value(of: $0) != nil }
    }

    private static func defaultPort(isSecure: Bool) -> UInt16 { isSecure ? 443 : 80 }

    /// Ports above 1023 of other protocols, whose servers could take a request for their own: those that browsers refuse (Fetch standard,
    /// "bad port"), and those of common stores.
    private static let closedPorts: Set<UInt16> = [
        1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
        1433, 1521, 2379, 2380, 3306, 4222, 5432, 5672, 6379, 9042, 9092, 11211, 27017,
    ]

    private static func isOpen(_ port: UInt16) -> Bool {
        port == 443 || port == 80 || port > 1023 && !closedPorts.contains(port)
    }

    /// Returns whether a byte may be in a URL: unreserved and reserved characters of RFC 3986 and `%`.
    private static func isURLCharacter(_ byte: UInt8) -> Bool {
        PercentEncoding.isUnreserved(byte) || ":/?#[]@!$&'()*+,;=%".utf8.contains(byte)
    }

    private static func hasValidEscapes(_ text: ArraySlice<UInt8>) -> Bool {
        PercentEncoding.strictlyDecoded(text, plusIsSpace: false) != nil
    }
}
