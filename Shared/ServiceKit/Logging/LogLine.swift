import Basics
import EventModel
import Logging

/// A log event prepared for both formats: bounded and redacted.
public struct LogLine {
    /// Maximum size of the message and of a metadata value, in bytes before escaping.
    static let maximumTextBytes = 8 * 1024
    /// Approximate maximum line size in bytes: further metadata is dropped, and the line says so.
    static let maximumLineBytes = 16 * 1024
    /// Maximum nesting depth of metadata.
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

    /// Returns `text` truncated to ``maximumTextBytes``, without tokens.
    static func text(_ text: String) -> String {
        guard text.utf8.count > maximumTextBytes else { return LogRedaction.redacted(text) }
        return LogRedaction.redacted(String(decoding: text.utf8.prefix(maximumTextBytes), as: UTF8.self)) + "…"
    }

    /// Returns whether a metadata key names a secret.
    static func hides(_ key: String) -> Bool {
        LogRedaction.secretKeys.contains(key.lowercased())
    }
}

extension Unicode.Scalar {
    /// Whether the character could affect a terminal or viewer: control characters, line and paragraph separators, bidirectional overrides.
    var isLogControl: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
