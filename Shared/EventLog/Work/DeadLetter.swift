public import Basics
import EventModel

/// Describes work that failed permanently and was set aside, so that it does not block other work.
///
/// The log entry itself stays in the log; the letter refers to it.
public struct DeadLetter: Sendable, Hashable {
    /// The kind of work: the name of a ``SharedReading``, or similar.
    public var work: String
    /// The entry's tenant; nil where the subject names none.
    public var tenant: Tenant?
    /// The entry's subject.
    public var subject: String
    /// The entry's sequence.
    public var sequence: UInt64
    /// The epoch of `sequence`.
    public var epoch: UInt16
    /// The error message why it failed, without payloads.
    public var reason: String
    /// Number of attempts.
    public var attempts: UInt64
    /// When it was set aside.
    public var failedAt: Timestamp

    /// Maximum size of a stored reason, in bytes.
    public static let maximumReason = 1000
    /// Maximum size of a stored subject, in bytes.
    static let maximumSubject = 1024

    /// Creates a letter. Truncates a longer reason.
    public init(
        work: String,
        tenant: Tenant?,
        subject: String,
        sequence: UInt64,
        epoch: UInt16,
        reason: String,
        attempts: UInt64 = 1,
        failedAt: Timestamp
    ) {
        self.work = work
        self.tenant = tenant
        self.subject = Self.cut(subject, Self.maximumSubject)
        self.sequence = sequence
        self.epoch = epoch
        self.reason = Self.cut(reason, Self.maximumReason)
        self.attempts = attempts
        self.failedAt = failedAt
    }

    /// Truncates a text to at most `maximumBytes` of UTF-8.
    private static func cut(_ text: String, _ maximumBytes: Int) -> String {
        guard text.utf8.count > maximumBytes else { return text }
        var count = 0
        let beginning = text.unicodeScalars.prefix { scalar in
            count += UTF8.width(scalar)
            return count <= maximumBytes
        }
        return String(String.UnicodeScalarView(beginning))
    }
}

extension DeadLetter {
    /// Encodes the letter as stored; with its number, as operators see it.
    package func json(id: UInt64? = nil) -> JSONObject {
        var object: JSONObject = [:]
        if let id { object.append("id", .integer(Int(clamping: id))) }
        object.append("work", text: work)
        object.append("tenant", text: tenant?.text)
        object.append("subject", text: subject)
        object.append("sequence", .integer(Int(clamping: sequence)))
        object.append("epoch", .integer(Int(epoch)))
        object.append("reason", text: reason)
        object.append("attempts", .integer(Int(clamping: attempts)))
        object.append("failedAt", text: failedAt.iso8601)
        return object
    }

    /// Parses a stored letter; nil if malformed.
    init?(json bytes: [UInt8]) {
        guard let object = try? Payload(validating: bytes, allowsStreamMembers: true), let work = object.string("work"),
            let subject = object.string("subject"), let reason = object.string("reason"),
            let sequence: UInt64 = Self.number("sequence", in: object), let epoch: UInt16 = Self.number("epoch", in: object),
            let attempts: UInt64 = Self.number("attempts", in: object),
            let failedAt = object.string("failedAt").flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        self.init(
            work: work,
            tenant: object.string("tenant").flatMap { try? Tenant($0) },
            subject: subject,
            sequence: sequence,
            epoch: epoch,
            reason: reason,
            attempts: attempts,
            failedAt: failedAt
        )
    }

    private static func number<Number: FixedWidthInteger>(_ name: String, in object: Payload) -> Number? {
        object.json(name).flatMap { Number(String(decoding: $0, as: UTF8.self)) }
    }
}
