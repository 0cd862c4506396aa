import Basics
import Testing

@testable import EdgeRuntime

/// Valid and invalid client frames.
private struct ClientFrame {
    var first: UInt8
    var payload: [UInt8]
    var isMasked = true
    var lengthForm: Int?

    static func text(_ text: String, isFinal: Bool = true) -> ClientFrame {
        ClientFrame(first: (isFinal ? 0x80 : 0) | 0x1, payload: Array(text.utf8))
    }

    var bytes: [UInt8] {
        let maskBit: UInt8 = self.isMasked ? 0x80 : 0
        var bytes = [self.first]
        let encoder = self.lengthForm ?? (self.payload.count < 126 ? 0 : self.payload.count <= 65535 ? 2 : 8)
        switch encoder {
        case 0: bytes.append(maskBit | UInt8(self.payload.count))
        case 2: bytes += [maskBit | 126, UInt8(self.payload.count >> 8 & 0xFF), UInt8(self.payload.count & 0xFF)]
        default: bytes += [maskBit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: self.payload.count >> (56 - 8 * $0)) }
        }
        guard self.isMasked else { return bytes + self.payload }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        return bytes + mask + self.payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }
}

@Suite("Taking client frames apart")
struct WebSocketDecoderTests {
    private func decode(_ bytes: [UInt8], in pieces: [Int] = [], limit: Int = 65536) -> [WebSocketInput] {
        var decoder = WebSocketDecoder(maxMessageBytes: limit)
        var inputs: [WebSocketInput] = []
        var rest = bytes[...]
        for piece in pieces {
            rest.prefix(piece).withUnsafeBytes { decoder.decode($0) { inputs.append($0) } }
            rest = rest.dropFirst(piece)
        }
        rest.withUnsafeBytes { decoder.decode($0) { inputs.append($0) } }
        return inputs
    }

    @Test("messages, fragments and controls in between come out whole, wherever the bytes are cut", arguments: 0..<100)
    func anyCut(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var bytes: [UInt8] = []
        var expected: [WebSocketInput] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let text = String((0..<Int.random(in: 0...300, using: &random)).map { _ in "aß→😀".randomElement(using: &random)! })
                bytes += ClientFrame.text(text).bytes
                expected.append(.text(Array(text.utf8)))
            case 1:
                let payload = (0..<Int.random(in: 0...70_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                    .prefix(65536)
                bytes += ClientFrame(first: 0x82, payload: Array(payload)).bytes
                expected.append(.binary(Array(payload)))
            case 2:
                bytes += ClientFrame(first: 0x89, payload: [1, 2, 3]).bytes
                expected.append(.ping([1, 2, 3]))
            default:
                // A character split over two fragments, with a ping between them.
                bytes += ClientFrame(first: 0x01, payload: [0xF0, 0x9F]).bytes
                bytes += ClientFrame(first: 0x8A, payload: []).bytes
                bytes += ClientFrame(first: 0x00, payload: [0x98]).bytes
                bytes += ClientFrame(first: 0x80, payload: [0x80, 0x21]).bytes
                expected += [.pong, .text([0xF0, 0x9F, 0x98, 0x80, 0x21])]
            }
        }
        var pieces: [Int] = []
        var left = bytes.count
        while left > 0 {
            let piece = Int.random(in: 1...max(1, min(left, 1 << Int.random(in: 0...14, using: &random))), using: &random)
            pieces.append(piece)
            left -= piece
        }
        #expect(self.decode(bytes, in: pieces) == expected)
    }

    @Test("nothing is held between messages")
    func holdsNothing() {
        var decoder = WebSocketDecoder(maxMessageBytes: 100)
        ClientFrame.text("hello").bytes.withUnsafeBytes { decoder.decode($0) { _ in } }
        #expect(decoder.isIdle)
        ClientFrame.text("hello").bytes.dropLast().withUnsafeBytes { decoder.decode($0) { _ in } }
        #expect(!decoder.isIdle)
    }

    struct Violation: Sendable {
        var name: String
        var bytes: [UInt8]
        var code: WebSocketCloseCode
    }

    static let violations: [Violation] =
        [
            Violation(name: "unmasked", bytes: ClientFrame(first: 0x81, payload: [97], isMasked: false).bytes, code: .protocolError),
            Violation(name: "RSV1 without compression", bytes: ClientFrame(first: 0xC1, payload: [97]).bytes, code: .protocolError),
            Violation(name: "RSV2", bytes: ClientFrame(first: 0xA1, payload: [97]).bytes, code: .protocolError),
            Violation(name: "RSV3", bytes: ClientFrame(first: 0x91, payload: [97]).bytes, code: .protocolError),
            Violation(name: "fragmented ping", bytes: ClientFrame(first: 0x09, payload: []).bytes, code: .protocolError),
            Violation(name: "fragmented close", bytes: ClientFrame(first: 0x08, payload: []).bytes, code: .protocolError),
            Violation(
                name: "ping of 126 bytes",
                bytes: ClientFrame(first: 0x89, payload: [UInt8](repeating: 0, count: 126)).bytes,
                code: .protocolError
            ),
            Violation(name: "continuation of nothing", bytes: ClientFrame(first: 0x80, payload: [97]).bytes, code: .protocolError),
            Violation(
                name: "text within a fragmented message",
                bytes: ClientFrame.text("a", isFinal: false).bytes + ClientFrame.text("b").bytes,
                code: .protocolError
            ),
            Violation(
                name: "16-bit length for 5",
                bytes: ClientFrame(first: 0x81, payload: Array("hello".utf8), lengthForm: 2).bytes,
                code: .protocolError
            ),
            Violation(
                name: "64-bit length for 5",
                bytes: ClientFrame(first: 0x81, payload: Array("hello".utf8), lengthForm: 8).bytes,
                code: .protocolError
            ),
            Violation(
                name: "64-bit length with its top bit",
                bytes: [0x81, 0xFF, 0x80] + [UInt8](repeating: 0, count: 11),
                code: .protocolError
            ),
            Violation(name: "65,537 bytes announced", bytes: [0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], code: .messageTooBig),
            Violation(
                name: "65,537 bytes in fragments",
                bytes: ClientFrame(first: 0x02, payload: [UInt8](repeating: 0, count: 65536)).bytes
                    + ClientFrame(first: 0x80, payload: [0]).bytes,
                code: .messageTooBig
            ),
            Violation(name: "close with one byte", bytes: ClientFrame(first: 0x88, payload: [3]).bytes, code: .protocolError),
            Violation(
                name: "close reason that is not UTF-8",
                bytes: ClientFrame(first: 0x88, payload: [0x03, 0xE8, 0xFF]).bytes,
                code: .invalidPayload
            ),
            Violation(
                name: "text that ends within a character",
                bytes: ClientFrame(first: 0x81, payload: [0xE2, 0x82]).bytes,
                code: .invalidPayload
            ),
        ]
        + [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF].map {
            Violation(name: "opcode \($0)", bytes: ClientFrame(first: 0x80 | $0, payload: []).bytes, code: .protocolError)
        }
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map { (code: UInt16) in
            Violation(
                name: "close code \(code)",
                bytes: ClientFrame(first: 0x88, payload: [UInt8(code >> 8), UInt8(code & 0xFF)]).bytes,
                code: .protocolError
            )
        }

    @Test("each broken rule has its close code, however the bytes are cut, and nothing after it is heard", arguments: violations)
    func broken(_ violation: Violation) {
        let after = ClientFrame.text("after").bytes
        let whole = self.decode(violation.bytes + after)
        let bytewise = self.decode(violation.bytes + after, in: [Int](repeating: 1, count: violation.bytes.count))
        for inputs in [whole, bytewise] {
            guard case .violation(let code, _)? = inputs.last else {
                Issue.record("\(violation.name): not noticed in \(inputs)")
                return
            }
            #expect(code == violation.code, "\(violation.name)")
            #expect(!inputs.contains(.text(Array("after".utf8))))
        }
    }

    @Test(
        "what can no longer become UTF-8 is refused at that byte, at every split",
        arguments: [
            [0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE2, 0x28, 0xA1], [0xF0, 0x28, 0x8C, 0xBC], [0xC3, 0x28],
        ] as [[UInt8]]
    )
    func invalidText(_ wrong: [UInt8]) {
        let payload = Array("κόσμε".utf8) + wrong + Array("tail".utf8)
        for split in 0...payload.count {
            let bytes =
                ClientFrame(first: 0x01, payload: Array(payload[..<split])).bytes
                + ClientFrame(first: 0x80, payload: Array(payload[split...])).bytes
            #expect(self.decode(bytes) == [.violation(.invalidPayload, reason: "text is not UTF-8")])
        }
        // Within an incomplete frame.
        let unfinished = ClientFrame(first: 0x81, payload: payload + [UInt8](repeating: 97, count: 50)).bytes.dropLast(50)
        #expect(self.decode(Array(unfinished)) == [.violation(.invalidPayload, reason: "text is not UTF-8")])
    }

    @Test(
        "every valid text is taken",
        arguments: ["", "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "\u{D7FF}\u{E000}", "héllo 😀"]
    )
    func validText(_ text: String) {
        let payload = Array(text.utf8)
        for split in 0...payload.count {
            let bytes =
                ClientFrame(first: 0x01, payload: Array(payload[..<split])).bytes
                + ClientFrame(first: 0x80, payload: Array(payload[split...])).bytes
            #expect(self.decode(bytes) == [.text(payload)])
        }
    }

    @Test(
        "close codes that may be sent are reported",
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 4401, 4999]
    )
    func close(code: Int) {
        let frame = ClientFrame(first: 0x88, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + Array("bye".utf8))
        #expect(self.decode(frame.bytes + ClientFrame.text("after").bytes) == [.close(WebSocketCloseCode(rawValue: UInt16(code)))])
        #expect(self.decode(ClientFrame(first: 0x88, payload: []).bytes) == [.close(nil)])
    }

    @Test("a server's frames have the shortest header and no mask", arguments: [0, 1, 125, 126, 65535, 65536])
    func serverFrames(length: Int) {
        var bytes: [UInt8] = [9]
        WebSocketFrame.appendText(to: &bytes) { $0 += [UInt8](repeating: 97, count: length) }
        let header = length < 126 ? 2 : length <= 65535 ? 4 : 10
        #expect(bytes.count == 1 + header + length)
        #expect(bytes[1] == 0x81)
        #expect(bytes[2] == (length < 126 ? UInt8(length) : length <= 65535 ? 126 : 127))
        #expect(bytes.suffix(length).allSatisfy { $0 == 97 })
    }

    @Test("a close reason is cut to what a control frame holds, between characters")
    func longReason() {
        let frame = WebSocketFrame.close(.goingAway, reason: String(repeating: "ä", count: 100))
        #expect(frame.count <= 127)
        #expect(String(validating: frame.dropFirst(4), as: UTF8.self) == String(repeating: "ä", count: 61))
    }
}
