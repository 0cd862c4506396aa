import Basics

/// The `traceparent` of W3C Trace Context (Recommendation of 23 November 2021, §3.2).
///
/// Causeway propagates it and logs its trace id. A process that exports spans also creates them.
public struct TraceParent: Sendable, Hashable {
    /// The header's value in version 00.
    public let text: String

    /// Parses a value strictly; nil when malformed, which the recommendation says to ignore.
    ///
    /// An unknown version is read as version 00 as far as possible, and propagated as that (§4.3 there).
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let parts = bytes.prefix(Self.length).split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], parts.allSatisfy({ $0.allSatisfy(Self.isDigit) }) else { return nil }
        guard parts[1...2].allSatisfy({ id in id.contains { $0 != UInt8(ascii: "0") } }) else { return nil }
        if parts[0].elementsEqual("00".utf8) {
            guard bytes.count == Self.length else { return nil }
            self.text = text
        } else {
            // Another version's additional fields follow a further dash.
            guard !parts[0].elementsEqual("ff".utf8), bytes.count == Self.length || bytes[Self.length] == UInt8(ascii: "-") else {
                return nil
            }
            let sampled = Self.isSampled(lastDigit: bytes[Self.length - 1])
            self.text = "00" + String(decoding: bytes[2..<Self.length - 2], as: UTF8.self) + (sampled ? "01" : "00")
        }
    }

    /// The id of the trace: 32 hexadecimal digits in lower case.
    public var traceID: String { String(decoding: text.utf8.dropFirst(3).prefix(32), as: UTF8.self) }

    /// The id of the span in which the trace continues: 16 hexadecimal digits in lower case.
    public var spanID: String { String(decoding: text.utf8.dropFirst(36).prefix(16), as: UTF8.self) }

    /// Creates the first span of a new, sampled trace.
    public static func root(using generator: inout some RandomNumberGenerator) -> TraceParent {
        TraceParent(traceID: identifier(using: &generator) + identifier(using: &generator), using: &generator)
    }

    /// Creates a further span of the trace, sampled.
    public func child(using generator: inout some RandomNumberGenerator) -> TraceParent {
        TraceParent(traceID: traceID, using: &generator)
    }

    private init(traceID: String, using generator: inout some RandomNumberGenerator) {
        text = "00-\(traceID)-\(Self.identifier(using: &generator))-01"
    }

    /// Returns 16 digits that are not all zeros.
    private static func identifier(using generator: inout some RandomNumberGenerator) -> String {
        let number = UInt64.random(in: 1 ... .max, using: &generator)
        return Hexadecimal.lowercase((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
    }

    /// Whether the caller may have recorded the trace.
    public var isSampled: Bool { text.utf8.last.map(Self.isSampled) ?? false }

    private static let length = 55

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func isSampled(lastDigit: UInt8) -> Bool {
        (Hexadecimal.value(of: lastDigit) ?? 0) & 1 == 1
    }
}
