public import Basics

/// The name of an event type: lower-case words joined by dots, such as `investigation.progress` (contract §2).
public struct EventType: Sendable, Hashable, CustomStringConvertible {
    /// The longest name, in bytes.
    public static let maximumBytes = 128

    /// The name; ASCII that needs no escaping in JSON, in a subject or in a stream's `event` field.
    public let name: String

    /// Accepts `[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+`, at most 128 bytes.
    ///
    /// Accepts names under `stream.`, since the surfaces use them; intake also checks ``isReserved``.
    public init(_ name: String) throws(ValidationError) {
        guard let words = Self.wordCount(name.utf8, maximumBytes: Self.maximumBytes), words > 1 else {
            throw ValidationError(
                field: "type",
                message: Self.reservedWords.contains(name)
                    ? "\(ValidationError.excerpt(name)) is reserved; choose another type"
                    : "must be lower-case words joined by dots, such as investigation.progress, in at most \(Self.maximumBytes) bytes"
            )
        }
        self.name = name
    }

    /// Creates the one-word type of an execution's event (contract §9), validated by ``ExecutionCatalogue/type(_:of:)``.
    static func executionWord(_ word: String) -> EventType { EventType(unchecked: word) }

    /// Creates a type from a catalogue name in the source.
    package init(generated name: StaticString) {
        self.name = "\(name)"
    }

    private init(unchecked name: String) {
        self.name = name
    }

    /// Whether the name is reserved for the surfaces and closed to producers: everything under `stream.`.
    ///
    /// The other reserved names (`ping`, `heartbeat`, `connected`) have no dot, so they are not event types.
    public var isReserved: Bool { name.hasPrefix("stream.") }

    public var description: String { name }

    private static let reservedWords: Set<String> = ["ping", "heartbeat", "connected"]

    /// Returns the number of words when `text` is words joined by dots and not too long, else nil.
    static func wordCount(_ text: some Collection<UInt8>, maximumBytes: Int) -> Int? {
        guard text.count <= maximumBytes else { return nil }
        var words = 0
        var atStart = true
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                if atStart { words += 1 }
                atStart = false
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                if atStart { return nil }
            case UInt8(ascii: "."):
                if atStart { return nil }
                atStart = true
            default:
                return nil
            }
        }
        return atStart ? nil : words
    }
}
