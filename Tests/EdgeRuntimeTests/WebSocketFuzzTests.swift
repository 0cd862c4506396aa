import TestKit
import Testing

@testable import EdgeRuntime

/// Input of an untrusted WebSocket client.
@Suite struct WebSocketFuzzTests {
    private static let limit = 1024

    /// Returns a client's frame with a mask of zeros, so that mutations of its payload stay readable.
    private static func frame(_ first: UInt8, _ payload: [UInt8], mask: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
        let count = payload.count
        let length: [UInt8] = count < 126 ? [0x80 | UInt8(count)] : [0xFE, UInt8(count >> 8), UInt8(count & 0xFF)]
        return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    private static func frame(_ first: UInt8, _ text: String) -> [UInt8] { frame(first, Array(text.utf8)) }

    private static let seeds: [[UInt8]] = [
        frame(0x81, #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#) + frame(0x89, "ping") + frame(0x88, [0x03, 0xE8]),
        frame(0x01, "é🚀") + frame(0x8A, "") + frame(0x00, "") + frame(0x80, "end") + frame(0x82, [0, 255, 128]),
        frame(0x81, [UInt8](repeating: 0x41, count: 300)) + frame(0x88, [0x0F, 0xA0] + Array("bye é".utf8)),
        // Compressed: "Hello" of RFC 7692 §7.2.3.1, and a stored block.
        frame(0xC1, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
            + frame(0xC1, [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]),
        frame(0x41, [0xF2, 0x48, 0xCD]) + frame(0x80, [0xC9, 0xC9, 0x07, 0x00]),
        [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8) + [0, 0, 0, 0], [0x81, 0xFE, 0x00, 0x7E, 0, 0, 0, 0],
    ]

    /// Decoding is independent of packet boundaries, obeys the bounds, and ends with the first error.
    @Test(arguments: [false, true]) func frames(allowsCompression: Bool) throws {
        try Fuzzer("WebSocket frames\(allowsCompression ? ", compressed" : "")", seeds: Self.seeds).run { input, generator in
            let whole = Self.decode([input[...]], allowsCompression)
            var pieces: [ArraySlice<UInt8>] = []
            var rest = input[...]
            while !rest.isEmpty {
                let count = 1 + generator.below(min(rest.count, 32))
                pieces.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            let cut = Self.decode(pieces, allowsCompression)
            try expect(whole == cut, "whole: \(whole), cut: \(cut)")
            let inTurns = Self.decode([input[...]], allowsCompression, turn: 1 + generator.below(200))
            try expect(whole == inTurns, "whole: \(whole), in turns: \(inTurns)")
            for (index, message) in whole.enumerated() {
                switch message {
                case .text(let bytes):
                    try expect(bytes.count <= Self.limit && String(validating: bytes, as: UTF8.self) != nil, "text of \(bytes.count) bytes")
                case .binary(let bytes): try expect(bytes.count <= Self.limit, "a message of \(bytes.count) bytes")
                case .ping(let bytes): try expect(bytes.count <= 125, "a ping of \(bytes.count) bytes")
                case .pong: break
                case .close, .violation: try expect(index == whole.count - 1, "something follows the end: \(whole)")
                }
            }
        }
    }

    private static func decode(_ pieces: [ArraySlice<UInt8>], _ allowsCompression: Bool, turn: Int = .max) -> [WebSocketInput] {
        var decoder = WebSocketDecoder(maxMessageBytes: limit, allowsCompression: allowsCompression)
        var messages: [WebSocketInput] = []
        for piece in pieces { piece.withUnsafeBytes { decoder.decode($0, turn: turn) { messages.append($0) } } }
        return messages
    }

    @Test func inflating() throws {
        let seeds: [[UInt8]] = [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF2, 0x00, 0x11, 0x00, 0x00], [0x03, 0x00, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        ]
        try Fuzzer("inflating", seeds: seeds).run { input in
            if case .message(let bytes) = BoundedInflater.inflate(input, limit: Self.limit) {
                try expect(bytes.count <= Self.limit, "inflated to \(bytes.count) bytes")
            }
        }
    }

    @Test func extensionOffers() throws {
        let seeds = ["permessage-deflate; client_max_window_bits; server_max_window_bits=12, x; q=\"a\\b\"", "permessage-deflate"]
        let tokens = [
            "permessage-deflate", "client_max_window_bits", "server_max_window_bits=", "\"", "\\", ";", ",", "=", "8", "15", "16",
        ]
        try Fuzzer("extension offers", seeds: seeds, tokens: tokens).run { input in
            guard let text = String(validating: input, as: UTF8.self), let answer = PerMessageDeflate.answer(toOffers: [text]) else {
                return
            }
            try expect(
                answer.hasPrefix("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
                "answered with \(answer)"
            )
            try expect(text.contains("permessage-deflate"), "answered, although nothing was offered")
        }
    }

    @Test func textAsItComes() throws {
        try Fuzzer("UTF-8 as it comes", seeds: ["é🚀a\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "\u{D7FF}\u{E000}"]).run {
            input,
            generator in
            var validator = UTF8Validator()
            let cut = generator.below(input.count + 1)
            let isValid = [input[..<cut], input[cut...]].allSatisfy { piece in piece.withUnsafeBytes { validator.validate($0) } }
            let isText = String(validating: input, as: UTF8.self) != nil
            try expect((isValid && validator.isComplete) == isText, "UTF-8 is \(isText), and was found \(isValid)")
        }
    }
}
