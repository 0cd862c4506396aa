import Basics

/// A text with placeholders for payload members.
///
/// `{title}` stands for a member, `{title|id}` for the first one present; text in `[…]` is omitted when one of its placeholders
/// is empty. Only strings, numbers and booleans fill a placeholder, on one line and shortened.
struct NotificationTemplate: Sendable, ExpressibleByStringLiteral {
    /// The longest text of a placeholder, in characters.
    static let maximumFill = 300
    /// The same in bytes of UTF-8, because one character can have any number of them.
    static let maximumFillBytes = 1_200

    private enum Piece: Sendable {
        case text(String)
        case hole([String])
        case optional([Piece])
    }

    private let pieces: [Piece]

    /// Parses a template. An unbalanced bracket is a programming error and traps.
    init(stringLiteral text: String) {
        var rest = text[...]
        pieces = Self.pieces(&rest, until: nil)
    }

    private static func pieces(_ rest: inout Substring, until end: Character?) -> [Piece] {
        var pieces: [Piece] = []
        while let character = rest.first {
            if character == end { break }
            switch character {
            case "{":
                guard let close = rest.firstIndex(of: "}") else { preconditionFailure("a hole of a notification's text does not end") }
                pieces.append(.hole(rest[rest.index(after: rest.startIndex)..<close].split(separator: "|").map(String.init)))
                rest = rest[rest.index(after: close)...]
            case "[":
                rest.removeFirst()
                pieces.append(.optional(Self.pieces(&rest, until: "]")))
                precondition(rest.first == "]", "an optional part of a notification's text does not end")
                rest.removeFirst()
            default:
                let text = rest.prefix { $0 != "{" && $0 != "[" && $0 != end }
                pieces.append(.text(String(text)))
                rest = rest[text.endIndex...]
            }
        }
        return pieces
    }

    /// Renders the text for a payload. An unfilled placeholder outside of brackets is omitted.
    func text(_ payload: Payload) -> String {
        Self.text(pieces, payload, requiresAll: false) ?? ""
    }

    private static func text(_ pieces: [Piece], _ payload: Payload, requiresAll: Bool) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let words): text += words
            case .hole(let names):
                let fill = names.lazy.compactMap { Self.fill($0, payload) }.first
                if fill == nil, requiresAll { return nil }
                text += fill ?? ""
            case .optional(let inner): text += Self.text(inner, payload, requiresAll: true) ?? ""
            }
        }
        return text
    }

    private static func fill(_ name: String, _ payload: Payload) -> String? {
        switch payload.kind(of: name) {
        case .string: payload.string(name).flatMap(shortened)
        case .number, .boolean: payload.json(name).map { String(decoding: $0, as: UTF8.self) }.flatMap(shortened)
        case .object, .array, .null, nil: nil
        }
    }

    /// Removes control characters, which terminals interpret, and shortens the text to one line; nil when only spaces are left.
    private static func shortened(_ text: String) -> String? {
        var line = ""
        var count = 0
        for character in text.bounded(toBytes: maximumFillBytes) {
            if count == maximumFill { return line + "…" }
            let isPlain = character.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
            line.append(isPlain ? character : " ")
            count += 1
        }
        return line.allSatisfy { $0 == " " } ? nil : line
    }
}
