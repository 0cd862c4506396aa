import Basics

/// The `traceparent` of W3C Trace Context (Recommendation of 23 November 2021, §3.2): which trace something belongs to.
///
/// Causeway hands it on and names its trace in log lines. It makes none of its own, since it records no spans: what comes without one
/// goes without one.
public struct TraceParent: Sendable, Hashable {
    /// The header's value in version 00.
    public let text: String

    /// Reads a value strictly; nil for what is none, which that recommendation says to ignore.
    ///
    /// A version that is not known here counts as far as it says what version 00 says, and is handed on as that (§4.3 there).
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let parts = bytes.prefix(Self.length).split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], parts.allSatisfy({ $0.allSatisfy(Self.isDigit) }) else { return nil }
        guard parts[1...2].allSatisfy({ id in id.contains { $0 != UInt8(ascii: "0") } }) else { return nil }
        if parts[0].elementsEqual("00".utf8) {
            guard bytes.count == Self.length else { return nil }
            self.text = text
        } else {
            // What another version has to say besides stands behind a further dash.
            guard !parts[0].elementsEqual("ff".utf8), bytes.count == Self.length || bytes[Self.length] == UInt8(ascii: "-") else {
                return nil
            }
            let sampled = Self.isSampled(lastDigit: bytes[Self.length - 1])
            self.text = "00" + String(decoding: bytes[2..<Self.length - 2], as: UTF8.self) + (sampled ? "01" : "00")
        }
    }

    /// The id of the trace: 32 hexadecimal digits in lower case.
    public var traceID: String { String(decoding: text.utf8.dropFirst(3).prefix(32), as: UTF8.self) }

    /// Whether whoever began the trace may have recorded it.
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
