/// Encodes frames of a server: unmasked. RFC 6455 §5.
public enum WebSocketFrame {
    /// Appends a text message: `body` writes the payload, and the header is inserted before it.
    public static func appendText(to bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        let start = bytes.count
        body(&bytes)
        let header = self.header(.text, length: bytes.count - start)
        bytes.insert(contentsOf: header, at: start)
    }

    /// Encodes a control frame. `payload` is truncated to the limit of 125 bytes.
    static func control(_ opcode: WebSocketOpcode, _ payload: some Sequence<UInt8>) -> [UInt8] {
        let payload = Array(payload.prefix(125))
        return self.header(opcode, length: payload.count) + payload
    }

    /// Encodes a close frame with a code and a reason, truncated between characters to what fits.
    public static func close(_ code: WebSocketCloseCode, reason: String) -> [UInt8] {
        var text = ""
        for character in reason where text.utf8.count + character.utf8.count <= 123 { text.append(character) }
        return self.control(.close, [UInt8(code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)] + Array(text.utf8))
    }

    /// Encodes the close frame of an ending on a surface; empty where the surface has no code for it.
    public static func close(_ ending: Ending, on surface: WebSocketSurface) -> [UInt8] {
        ending.kind.closeCode(on: surface).map { self.close($0, reason: ending.sentence) } ?? []
    }

    /// Encodes the header of an unfragmented frame. `isCompressed` sets RSV1. RFC 7692 §6.
    static func header(_ opcode: WebSocketOpcode, length: Int, isCompressed: Bool = false) -> [UInt8] {
        let first = 0x80 | (isCompressed ? 0x40 : 0) | opcode.rawValue
        switch length {
        case 0..<126: return [first, UInt8(length)]
        case 126...Int(UInt16.max): return [first, 126, UInt8(length >> 8), UInt8(truncatingIfNeeded: length)]
        default: return [first, 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
        }
    }
}
