public import Basics

/// The data of an event: one JSON object, validated once and kept byte for byte as received (contract §2, §4).
///
/// The positions of the top-level members are indexed, so that reading one costs no second parse.
public struct Payload: Sendable, Hashable {
    /// The largest payload, in bytes (contract §10).
    public static let maximumBytes = 256 * 1024
    /// The maximum nesting of arrays and objects, including the payload itself.
    public static let maximumDepth = JSONScanner.maximumDepth

    /// The JSON text, including whitespace around and within it.
    public let bytes: [UInt8]

    let index: PayloadIndex

    /// An object without members.
    public static let empty = Payload(bytes: Array("{}".utf8), index: PayloadIndex(interior: 1..<1))

    /// Accepts one JSON object (RFC 8259) in valid UTF-8 of at most ``maximumBytes``, nested at most ``maximumDepth`` deep, in which no two
    /// top-level members have the same name and none is called `type` or `timestamp`, however they are spelled: the notification
    /// stream adds those two.
    ///
    /// - Parameters:
    ///   - field: the payload's name in errors.
    ///   - allowsStreamMembers: whether `type` and `timestamp` are allowed: in executions, where nothing is added (contract §9).
    public init(validating bytes: [UInt8], field: String = "payload", allowsStreamMembers: Bool = false) throws(ValidationError) {
        try PayloadIndex.checkSize(bytes.count, field: field)
        let index = try JSONScanner.scan(bytes) { scanner throws(ValidationError) -> PayloadIndex in
            scanner.skipWhitespace()
            let index = try PayloadIndex(scanning: &scanner, origin: 0, field: field, allowsStreamMembers: allowsStreamMembers)
            do throws(JSONSyntaxError) {
                try scanner.finish()
            } catch {
                throw error.validationError(field: field)
            }
            return index
        }
        self.init(bytes: bytes, index: index)
    }

    /// Reads the object at the scanner's position, in one pass over a longer text.
    init(scanning scanner: inout JSONScanner, field: String, allowsStreamMembers: Bool = false) throws(ValidationError) {
        let start = scanner.position
        let index = try PayloadIndex(scanning: &scanner, origin: start, field: field, allowsStreamMembers: allowsStreamMembers)
        let bytes = Array(UnsafeBufferPointer(start: scanner.base + start, count: scanner.position - start))
        self.init(bytes: bytes, index: index)
    }

    /// Heap memory in bytes: the text and the member index.
    package var heapBytes: Int { bytes.count + index.heapBytes + 2 * PayloadIndex.arrayOverhead }

    private init(bytes: [UInt8], index: PayloadIndex) {
        self.bytes = bytes
        self.index = index
    }

    /// Compares bytes; two spellings of the same object are different payloads.
    public static func == (left: Payload, right: Payload) -> Bool { left.bytes == right.bytes }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
