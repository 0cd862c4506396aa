import Crypto
public import HTTPTypes

/// Validates and answers a WebSocket handshake. RFC 6455 §4.2; a pure value.
///
/// The caller checks path, token and origin.
public struct WebSocketHandshake: Sendable, Equatable, CustomStringConvertible {
    /// The only subprotocol, for clients that offer any. A browser that offers some fails the connection unless one is accepted.
    public static let subprotocol = "causeway.v1"

    /// The tokens that the client offered as subprotocols `bearer.<token>`, in its order: besides the address, the only place for
    /// a token in a browser. They are never sent back.
    public let bearerTokens: [String]
    /// Whether messages may be compressed (RFC 7692), each without context: neither side keeps a window from one message to the next.
    public let isCompressed: Bool
    /// The fields of the 101 response.
    public let responseFields: HTTPFields

    /// Validates a request.
    ///
    /// - Parameter allowsCompression: Whether permessage-deflate is accepted where the client offers it.
    /// - Throws: The error response, in place of 101.
    public init(method: HTTPRequest.Method, fields: HTTPFields, allowsCompression: Bool) throws(WebSocketHandshakeError) {
        guard method == .get else { throw .method }
        guard Self.tokens(fields[values: .upgrade]).contains(where: { $0.lowercased() == "websocket" }),
            Self.tokens(fields[values: .connection]).contains(where: { $0.lowercased() == "upgrade" })
        else { throw .noUpgrade }
        guard fields[values: .secWebSocketVersion] == ["13"] else { throw .version }
        let keys = fields[values: .secWebSocketKey]
        guard keys.count == 1, Self.isKey(keys[0]) else { throw .key }
        // The bytes of a body would be taken for frames.
        guard fields[values: .transferEncoding].isEmpty, fields[values: .contentLength].allSatisfy({ $0 == "0" }) else { throw .body }

        let subprotocols = Self.tokens(fields[values: .secWebSocketProtocol])
        let compression = allowsCompression ? PerMessageDeflate.answer(toOffers: fields[values: .secWebSocketExtensions]) : nil
        var response: HTTPFields = [.upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: Self.accept(keys[0])]
        if subprotocols.contains(Self.subprotocol) { response[.secWebSocketProtocol] = Self.subprotocol }
        if let compression { response[.secWebSocketExtensions] = compression }
        self.bearerTokens = subprotocols.filter { $0.hasPrefix("bearer.") }.map { String($0.dropFirst("bearer.".count)) }
        self.isCompressed = compression != nil
        self.responseFields = response
    }

    /// A description without the tokens.
    public var description: String {
        "WebSocketHandshake(bearer tokens: \(self.bearerTokens.count), compressed: \(self.isCompressed))"
    }

    /// Splits comma-separated lists; ignores empty members. RFC 9110 §5.6.1.
    private static func tokens(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",") }
            .map { String($0.trimming { $0 == " " || $0 == "\t" }) }
            .filter { !$0.isEmpty }
    }

    /// Whether the text is 16 bytes in base64.
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 24 && bytes.suffix(2).elementsEqual("==".utf8) && bytes.dropLast(2).allSatisfy { Base64.isDigit($0) }
    }

    /// The response to a key, which proves to the client that the server speaks WebSocket. RFC 6455 §4.2.2.
    static func accept(_ key: String) -> String {
        var hash = Insecure.SHA1()
        Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8).withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Base64.encode(Array(hash.finalize()))
    }
}

/// Why a handshake is rejected, with the error response.
public struct WebSocketHandshakeError: Error, Sendable, Equatable {
    /// The status of the response.
    public let status: HTTPResponse.Status
    /// Header fields of the response: the supported versions or protocol.
    public let fields: HTTPFields
    /// The message to the client: what to do.
    public let message: String

    static let method = Self(
        status: .methodNotAllowed,
        fields: [.allow: "GET"],
        message: "A WebSocket begins with GET."
    )
    static let noUpgrade = Self(
        status: .upgradeRequired,
        fields: [.upgrade: "websocket", .connection: "Upgrade"],
        message:
            "This is a WebSocket endpoint: connect with a WebSocket client, which sends \"Connection: Upgrade\" and \"Upgrade: websocket\"."
    )
    static let version = Self(
        status: .upgradeRequired,
        fields: [.upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13"],
        message: "Send \"Sec-WebSocket-Version: 13\": it is the only version there is."
    )
    static let key = Self(
        status: .badRequest,
        fields: [:],
        message: "Send one Sec-WebSocket-Key with 16 random bytes in base64."
    )
    static let body = Self(
        status: .badRequest,
        fields: [:],
        message: "A WebSocket handshake has no body: leave out Content-Length and Transfer-Encoding."
    )
}

/// Base64 as handshakes need it. RFC 4648 §4.
private enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func isDigit(_ byte: UInt8) -> Bool { self.alphabet.contains(byte) }

    static func encode(_ bytes: [UInt8]) -> String {
        var digits: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            let whole = (0..<4).map { self.alphabet[bits >> (18 - 6 * $0) & 63] }
            digits += whole.prefix(group.count + 1) + "==".utf8.prefix(3 - group.count)
        }
        return String(decoding: digits, as: UTF8.self)
    }
}

extension Substring {
    /// Without the characters at both ends for which the condition holds.
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
        var text = self.drop(while: isTrimmed)
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return text
    }
}
