import Basics
import EventModel
import Logging

/// What both forms of the log say of one event, ready to be written: bounded and redacted.
public struct LogLine {
    /// The longest message, and the longest value of metadata, in bytes before they are escaped.
    static let maximumTextBytes = 8 * 1024
    /// About the longest line in bytes: metadata beyond it is left out, and the line says so.
    static let maximumLineBytes = 16 * 1024
    /// How deep arrays and dictionaries in metadata are followed.
    static let maximumDepth = 6

    let time: String
    let level: Logger.Level
    let label: String
    let source: String
    let message: String
    /// By key, in alphabetical order.
    let metadata: [(key: String, value: Logger.MetadataValue)]

    init(event: LogEvent, label: String, metadata: Logger.Metadata, now: Timestamp) {
        self.time = now.iso8601
        self.level = event.level
        self.label = label
        self.source = event.source
        self.message = Self.text(event.message.description)
        self.metadata = metadata.sorted { $0.key < $1.key }
    }

    /// `text` cut to ``maximumTextBytes`` and without tokens.
    static func text(_ text: String) -> String {
        guard text.utf8.count > maximumTextBytes else { return LogRedaction.redacted(text) }
        return LogRedaction.redacted(String(decoding: text.utf8.prefix(maximumTextBytes), as: UTF8.self)) + "…"
    }

    /// Whether metadata under `key` is a secret by its name.
    static func hides(_ key: String) -> Bool {
        LogRedaction.secretKeys.contains(key.lowercased())
    }
}

extension Unicode.Scalar {
    /// Whether the character could do something to a terminal or a viewer instead of showing: control characters, line and paragraph
    /// separators, and what changes the direction of writing.
    var isLogControl: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
