/// Negotiates message compression. RFC 7692 §7.1.
///
/// Both sides reset the context with each message (`no_context_takeover`). So a message can be compressed once and sent to
/// all clients, and an idle connection needs no memory for it.
enum PerMessageDeflate {
    /// The compression window as a power of two: 4 KiB, which holds nearly every event. Some clients, Python's
    /// `websockets` among them, accept no larger one, and all clients are sent the same bytes.
    static let windowBits: Int32 = 12

    /// Returns the value of the response's `Sec-WebSocket-Extensions`, for the first acceptable offer.
    ///
    /// - Parameter values: The request's fields of that name.
    /// - Returns: `nil` without an acceptable offer, or when the fields are malformed: messages are then not compressed.
    static func answer(toOffers values: [String]) -> String? {
        guard let offers = ExtensionOffer.parse(values) else { return nil }
        for offer in offers where offer.name == "permessage-deflate" {
            if let answer = self.answer(to: offer) { return answer }
        }
        return nil
    }

    private static func answer(to offer: ExtensionOffer) -> String? {
        var answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        var seen: Set<String> = []
        for parameter in offer.parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil):
                break
            case ("server_max_window_bits", let value?):
                guard let bits = self.windowBits(value), bits >= self.windowBits else { return nil }
                answer += "; server_max_window_bits=\(self.windowBits)"
            case ("client_max_window_bits", let value):
                // A hint about the client's window; any window can be inflated.
                guard value == nil || value.flatMap(self.windowBits) != nil else { return nil }
            default:
                return nil
            }
        }
        return answer
    }

    /// Parses 8 to 15, without leading zeros.
    private static func windowBits(_ text: String) -> Int32? {
        (Int32(8)...15).first { String($0) == text }
    }
}

/// A member of `Sec-WebSocket-Extensions`. RFC 6455 §9.1.
struct ExtensionOffer: Equatable {
    struct Parameter: Equatable {
        var name: String
        var value: String?
    }

    var name: String
    var parameters: [Parameter] = []

    /// Parses the fields of that name; `nil` when they are malformed.
    static func parse(_ values: [String]) -> [ExtensionOffer]? {
        var scanner = FieldScanner(values.joined(separator: ","))
        var offers: [ExtensionOffer] = []
        repeat {
            scanner.skipSpace()
            // Ignore empty list members. RFC 9110 §5.6.1.
            guard let name = scanner.token() else { continue }
            var offer = ExtensionOffer(name: name)
            while scanner.take(";") {
                guard let parameter = scanner.parameter() else { return nil }
                offer.parameters.append(parameter)
            }
            offers.append(offer)
        } while scanner.take(",")
        return scanner.isAtEnd ? offers : nil
    }
}

/// Scans the parts of header fields. RFC 9110 §5.6.
private struct FieldScanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) { self.rest = Array(text.utf8)[...] }

    var isAtEnd: Bool { self.rest.isEmpty }

    mutating func skipSpace() {
        self.rest = self.rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// Consumes the character, with space around it, if it comes next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        self.skipSpace()
        guard self.rest.first == UInt8(ascii: character) else { return false }
        self.rest = self.rest.dropFirst()
        self.skipSpace()
        return true
    }

    mutating func token() -> String? {
        let token = self.rest.prefix(while: Self.isTokenCharacter)
        self.rest = self.rest.dropFirst(token.count)
        return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }

    /// Parses a name and an optional value: a token or a quoted token.
    mutating func parameter() -> ExtensionOffer.Parameter? {
        guard let name = self.token() else { return nil }
        guard self.take("=") else { return .init(name: name, value: nil) }
        guard let value = self.rest.first == UInt8(ascii: "\"") ? self.quotedToken() : self.token() else { return nil }
        return .init(name: name, value: value)
    }

    private mutating func quotedToken() -> String? {
        var content: [UInt8] = []
        self.rest = self.rest.dropFirst()
        while let byte = self.rest.popFirst(), byte != UInt8(ascii: "\"") {
            let character = byte == UInt8(ascii: "\\") ? self.rest.popFirst() : byte
            guard let character, Self.isTokenCharacter(character) else { return nil }
            content.append(character)
            if self.rest.isEmpty { return nil }
        }
        return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
