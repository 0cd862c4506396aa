import Basics

/// The reason why a client misses events; it is always notified (contract §3).
public enum StreamGap: Sendable, Hashable {
    /// The cursor is older than the log's retention. Everything from `missedBefore`, the first retained entry, follows.
    case expired(missedBefore: Cursor)
    /// The cursor is of another epoch, from the future, or malformed. The stream continues after `current`.
    case unknownCursor(current: Cursor)

    /// The event type on every surface.
    package static let type: StaticString = "stream.gap"

    /// The cursor from which a client that has seen only the gap resumes without losing available events and without getting the
    /// same gap again.
    ///
    /// Reading continues *after* a cursor, so for an expired one it is just before the first retained entry.
    public var resumptionCursor: Cursor {
        switch self {
        case .expired(let first):
            first.previous
        case .unknownCursor(let current):
            current
        }
    }

    /// Appends `{"reason":…}`.
    package func appendPayload(to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        appendMembers(to: &out)
        out.append(UInt8(ascii: "}"))
    }

    /// Appends the payload's members without braces.
    func appendMembers(to out: inout [UInt8]) {
        switch self {
        case .expired(let first):
            out.append("\"reason\":\"expired\",\"missedBefore\":\"")
            first.append(to: &out)
            out.append("\"")
        case .unknownCursor:
            out.append("\"reason\":\"unknown_cursor\"")
        }
    }
}
