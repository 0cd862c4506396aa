import Testing

@testable import EdgeRuntime

private let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

private func deflated(_ message: [UInt8], by deflater: Deflater = Deflater()) -> [UInt8] {
    message.withUnsafeBytes { deflater.compress($0) }
}

/// Incompressible bytes.
private func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

@Suite("Compressing and inflating messages")
struct CompressionTests {
    @Test("the RFC's example, again and again: nothing is carried over")
    func example() {
        let deflater = Deflater()
        for _ in 0..<3 { #expect(deflated(Array("Hello".utf8), by: deflater) == hello) }
        #expect(deflated([], by: deflater) == [0x00])
    }

    @Test(
        "the RFC's other forms of Hello: an uncompressed block, a final block, two blocks",
        arguments: [
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
            hello,
            // A final block without the trailing byte.
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]]
    )
    func forms(_ compressed: [UInt8]) {
        #expect(BoundedInflater.inflate(compressed, limit: 5) == .message(Array("Hello".utf8)))
        #expect(BoundedInflater.inflate(compressed, limit: 4) == .tooBig)
    }

    @Test("two final blocks are one message")
    func finalBlocks() {
        let final: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(BoundedInflater.inflate(final + final + [0x00], limit: 10) == .message(Array("HelloHello".utf8)))
    }

    @Test("an empty message in either form", arguments: [[], [0x00], [0x02, 0x00]] as [[UInt8]])
    func empty(_ compressed: [UInt8]) {
        #expect(BoundedInflater.inflate(compressed, limit: 0) == .message([]))
    }

    @Test(
        "every message comes back, to the byte of its limit",
        arguments: [0, 1, 2, 7, 100, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 300_000]
    )
    func roundTrip(length: Int) {
        let deflater = Deflater()
        for message in [
            noise(length), [UInt8](repeating: 97, count: length),
            Array(String(repeating: "größe 😀 ", count: length / 12 + 1).utf8.prefix(length)),
        ] {
            let compressed = deflated(message, by: deflater)
            for (limit, outcome) in [(length, .message(message)), (length + 1, .message(message)), (length - 1, .tooBig)]
                as [(Int, BoundedInflater.Outcome)]
            {
                let isRight = BoundedInflater.inflate(compressed, limit: limit) == outcome
                #expect(isRight, "limit \(limit)")
            }
            #expect(compressed.suffix(4) != [0x00, 0x00, 0xFF, 0xFF])
        }
    }

    @Test("a message cut off anywhere is malformed, not shorter")
    func cut() {
        let compressed = deflated(Array(#"{"type":"incident.created","payload":{"incidentId":"i","title":"tttttttttttttttt"}}"#.utf8))
        for length in 1..<compressed.count {
            #expect(BoundedInflater.inflate(Array(compressed.prefix(length)), limit: 65536) == .malformed, "\(length) bytes")
        }
    }

    @Test(
        "what is not deflate's format is malformed",
        arguments: [
            [0xFF], [0x06], [0x07, 0x00], [0x00, 0x05, 0x00, 0x00, 0x00], [0xF2, 0x48, 0xCD, 0xFF, 0xFF], [0x78, 0x9C, 0xF3, 0x48],
        ] as [[UInt8]]
    )
    func garbage(_ compressed: [UInt8]) {
        #expect(BoundedInflater.inflate(compressed, limit: 65536) == .malformed)
    }

    @Test("a bomb is left unexploded", arguments: [64 * 1024, 10_000_000, 60_000_000])
    func bomb(length: Int) {
        let compressed = deflated([UInt8](repeating: 0, count: length))
        #expect(compressed.count < length / 500)
        let outcome = BoundedInflater.inflate(compressed, limit: 64 * 1024)
        let isRight = outcome == (length > 64 * 1024 ? .tooBig : .message([UInt8](repeating: 0, count: length)))
        #expect(isRight)
    }

    @Test("thousands of empty final blocks end")
    func emptyBlocks() {
        let blocks = [UInt8]((0..<32_000).flatMap { _ in [0x03, 0x00] as [UInt8] } + [0x00])
        #expect(BoundedInflater.inflate(blocks, limit: 100) == .message([]))
    }

    @Test("one compressor serves many threads")
    func threads() async {
        let deflater = Deflater()
        let messages = (0..<50).map { Array(String(repeating: "\($0) ", count: 500).utf8) }
        let expected = messages.map { deflated($0) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask { messages.map { deflated($0, by: deflater) } == expected }
            }
            for await isSame in group { #expect(isSame) }
        }
    }

    @Test("a frame is compressed where that makes it shorter", arguments: [0, 5, 20, 200, 70_000])
    func frames(length: Int) throws {
        let text = [UInt8](repeating: 97, count: length)
        let compressed = deflated(text)
        var bytes: [UInt8] = [9]
        WebSocketFrame.appendText(to: &bytes, compressedBy: Deflater()) { $0 += text }
        if compressed.count < length {
            #expect(bytes[1] == 0xC1)
            #expect(Array(bytes.suffix(compressed.count)) == compressed)
            #expect(bytes.count == 1 + (compressed.count < 126 ? 2 : 4) + compressed.count)
        } else {
            var plain: [UInt8] = [9]
            WebSocketFrame.appendText(to: &plain) { $0 += text }
            #expect(bytes == plain)
        }
    }
}

@Suite("Compressed client messages")
struct CompressedMessageTests {
    /// A masked frame, with its length in the shortest form.
    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var frame = [first]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            let length: [UInt8] = [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
            frame += length
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        frame += mask
        for (index, byte) in payload.enumerated() { frame.append(byte ^ mask[index & 3]) }
        return frame
    }

    private func decode(_ bytes: [UInt8], piece: Int = .max, limit: Int = 65536, allowsCompression: Bool = true) -> [WebSocketInput] {
        var decoder = WebSocketDecoder(maxMessageBytes: limit, allowsCompression: allowsCompression)
        var inputs: [WebSocketInput] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            rest.prefix(piece).withUnsafeBytes { decoder.decode($0) { inputs.append($0) } }
            rest = rest.dropFirst(piece)
        }
        if inputs.last == .text(Array("Hello".utf8)) { #expect(decoder.isIdle) }
        return inputs
    }

    @Test("the RFC's Hello, in one frame and in every two, with a ping in between, whatever the pieces", arguments: [1, 2, 3, 7, .max])
    func splits(piece: Int) {
        #expect(self.decode(self.frame(0xC1, hello), piece: piece) == [.text(Array("Hello".utf8))])
        for split in 0...hello.count {
            let bytes = self.frame(0x41, Array(hello[..<split])) + self.frame(0x89, [1]) + self.frame(0x80, Array(hello[split...]))
            #expect(self.decode(bytes, piece: piece) == [.ping([1]), .text(Array("Hello".utf8))])
        }
    }

    @Test("compressed and plain messages take turns, and binary ones are inflated too")
    func turns() {
        let bytes = self.frame(0xC1, hello) + self.frame(0x81, Array("plain".utf8)) + self.frame(0xC2, hello) + self.frame(0xC1, [])
        #expect(self.decode(bytes) == [.text(Array("Hello".utf8)), .text(Array("plain".utf8)), .binary(Array("Hello".utf8)), .text([])])
    }

    @Test(
        "RSV1 is for the first frame of a data message, and only where it was negotiated",
        arguments: [
            ([0x41, 0xC0], true), ([0x01, 0xC0], true), ([0xC9], true), ([0xC8], true), ([0xCA], true), ([0xC1], false), ([0xC2], false),
            ([0xE1], true), ([0xD1], true),
        ] as [([UInt8], Bool)]
    )
    func misplaced(frames: [UInt8], allowsCompression: Bool) {
        let bytes = frames.flatMap { self.frame($0, []) }
        let inputs = self.decode(bytes, allowsCompression: allowsCompression)
        guard case .violation(.protocolError, _)? = inputs.last, inputs.count == 1 else {
            Issue.record("not refused: \(inputs)")
            return
        }
    }

    @Test("the limit is on what a message becomes")
    func limit() {
        let fits = deflated([UInt8](repeating: 97, count: 65536))
        let isTaken = self.decode(self.frame(0xC1, fits)) == [.text([UInt8](repeating: 97, count: 65536))]
        #expect(isTaken)
        let bomb = deflated([UInt8](repeating: 97, count: 50_000_000))
        #expect(bomb.count < 65536)
        for bytes in [self.frame(0xC1, bomb), self.frame(0x41, bomb) + self.frame(0x80, [])] {
            let inputs = self.decode(bytes + self.frame(0x81, [97]))
            #expect(inputs == [.violation(.messageTooBig, reason: "messages inflate to at most 65536 bytes")])
        }
    }

    @Test("what cannot be inflated is 1007")
    func malformed() {
        for payload in [[0xFF], Array(hello.dropLast()), Array("not deflate at all".utf8)] as [[UInt8]] {
            let inputs = self.decode(self.frame(0xC1, payload) + self.frame(0x81, [97]))
            #expect(inputs == [.violation(.invalidPayload, reason: "the compressed message cannot be inflated")])
        }
    }

    @Test(
        "text is checked after it was inflated",
        arguments: [[0xFF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0x61, 0xC0, 0xAF]] as [[UInt8]]
    )
    func text(_ payload: [UInt8]) {
        let compressed = deflated(payload)
        #expect(self.decode(self.frame(0xC1, compressed)) == [.violation(.invalidPayload, reason: "text is not UTF-8")])
        #expect(self.decode(self.frame(0xC2, compressed)) == [.binary(payload)])
        // Compressed bytes themselves are not text.
        let valid = Array("κόσμε 😀".utf8)
        #expect(self.decode(self.frame(0xC1, deflated(valid)), piece: 1) == [.text(valid)])
    }
}
