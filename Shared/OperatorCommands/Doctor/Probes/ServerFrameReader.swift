/// Parses a server's WebSocket frames incrementally (RFC 6455 §5): unmasked, and uncompressed because compression is not offered. A pure value.
struct ServerFrameReader: Sendable {
    enum Frame: Sendable, Equatable {
        case text([UInt8])
        /// 1005 without a code (RFC 6455 §7.4.1).
        case close(code: UInt16, reason: String)
        /// Any other frame: fragments, pings, pongs, binary.
        case other
    }

    /// The bytes are not a server's frame.
    struct NoFrame: Error {}

    private static let maximumFrameBytes = 1024 * 1024
    private var pending: [UInt8] = []

    /// Consumes bytes and returns the completed frames.
    mutating func take(_ bytes: [UInt8]) throws(NoFrame) -> [Frame] {
        pending += bytes
        var frames: [Frame] = []
        while let frame = try next() { frames.append(frame) }
        return frames
    }

    private mutating func next() throws(NoFrame) -> Frame? {
        guard pending.count >= 2 else { return nil }
        guard pending[0] & 0x70 == 0, pending[1] & 0x80 == 0 else { throw NoFrame() }
        let extended =
            switch pending[1] {
            case 126: 2
            case 127: 8
            default: 0
            }
        guard pending.count >= 2 + extended else { return nil }
        let announced = pending[2..<2 + extended].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let length = extended == 0 ? Int(pending[1]) : Int(clamping: announced)
        guard length <= Self.maximumFrameBytes else { throw NoFrame() }
        let end = 2 + extended + length
        guard pending.count >= end else { return nil }
        let payload = Array(pending[2 + extended..<end])
        let (isFinal, opcode) = (pending[0] & 0x80 != 0, pending[0] & 0x0F)
        pending.removeFirst(end)
        switch opcode {
        case 0x1 where isFinal: return .text(payload)
        case 0x8:
            guard payload.count >= 2 else { return .close(code: 1005, reason: "") }
            return .close(code: UInt16(payload[0]) << 8 | UInt16(payload[1]), reason: String(decoding: payload.dropFirst(2), as: UTF8.self))
        case 0x0, 0x1, 0x2, 0x9, 0xA: return .other
        default: throw NoFrame()
        }
    }
}
