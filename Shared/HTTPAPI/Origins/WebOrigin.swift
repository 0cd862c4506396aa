import Glibc

/// A web origin: scheme, host and port, comparable (RFC 6454 §4). `https://a:443` equals `https://A`.
public struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    /// In lower case.
    public let scheme: String
    /// In lower case; an IPv6 address in brackets and in its shortest form (RFC 5952).
    public let host: String
    /// The default port of the scheme where the text has none; 0 for a scheme without one.
    public let port: UInt16

    /// Parses an origin as browsers send it: nothing follows the port. Nil for `null`.
    public init?(_ text: String) {
        let text = text.lowercased()
        guard let separator = text.firstRange(of: "://"), let scheme = Self.scheme(text[..<separator.lowerBound]) else { return nil }
        let authority = text[separator.upperBound...]
        // Colons inside the brackets of an IPv6 address do not start a port.
        let hostEnd = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : authority.firstIndex(of: ":")
        guard let host = Self.host(authority[..<(hostEnd ?? authority.endIndex)]) else { return nil }
        let port = authority[(hostEnd ?? authority.endIndex)...]
        guard let number = port.isEmpty ? Self.defaultPort(scheme) : Self.number(port) else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = number
    }

    /// Parses a configured origin, which may end in a slash.
    public init?(configured text: String) {
        self.init(text.hasSuffix("/") ? String(text.dropLast()) : text)
    }

    public var description: String {
        port == Self.defaultPort(scheme) ? "\(scheme)://\(host)" : "\(scheme)://\(host):\(port)"
    }

    private static func defaultPort(_ scheme: String) -> UInt16? {
        switch scheme {
        case "http", "ws": 80
        case "https", "wss": 443
        default: 0
        }
    }

    /// Parses a scheme (RFC 3986 §3.1); nil if malformed.
    private static func scheme(_ text: Substring) -> String? {
        guard let first = text.utf8.first, isLetter(first) else { return nil }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) } ? String(text) : nil
    }

    /// Parses a colon and decimal digits; nil if malformed.
    private static func number(_ port: Substring) -> UInt16? {
        let digits = port.dropFirst()
        guard port.first == ":", !digits.isEmpty, digits.utf8.allSatisfy(isDigit) else { return nil }
        return UInt16(digits)
    }

    private static func host(_ text: Substring) -> String? {
        if text.hasPrefix("[") {
            return text.hasSuffix("]") ? address(text.dropFirst().dropLast()).map { "[\($0)]" } : nil
        }
        return !text.isEmpty && text.utf8.allSatisfy(isHostCharacter) ? String(text) : nil
    }

    /// Normalises an IPv6 address to the form that browsers send.
    private static func address(_ text: Substring) -> String? {
        // An `in6_addr` as bytes: the struct's initialiser is in another module in a release build than in a debug build.
        var address = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, String(text), &address) == 1 else { return nil }
        var shortest = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, address, &shortest, socklen_t(shortest.count)) != nil else { return nil }
        return String(decoding: shortest.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whether a host may contain the character: visible ASCII, except delimiters and pattern characters.
    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"/?#@,*\\\"<>[]:".utf8.contains(byte)
    }
}
