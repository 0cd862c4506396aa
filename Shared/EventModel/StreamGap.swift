import Basics

/// Why a client gets less than it asked for, which it is always told (contract §3).
public enum StreamGap: Sendable, Hashable {
    /// The cursor is older than the log keeps. Everything from `missedBefore`, the first entry still kept, on follows.
    case expired(missedBefore: Cursor)
    /// The cursor is of another epoch, from the future, or no cursor at all. The stream goes on after `current`.
    case unknownCursor(current: Cursor)

    /// The name under which every surface sends it.
    static let type: StaticString = "stream.gap"

    /// The place from which a client that has seen the gap, and nothing after it, resumes without losing anything that it could still get
    /// and without being told of the same gap again.
    ///
    /// Reading goes on *after* a cursor, so for an expired one it is the place just before the first entry still kept.
    public var resumptionCursor: Cursor {
        switch self {
        case .expired(let first):
            Cursor(time: first.time, epoch: first.epoch, sequence: first.sequence == 0 ? 0 : first.sequence - 1)
        case .unknownCursor(let current):
            current
        }
    }

    /// Appends `{"reason":…}`.
    func appendPayload(to out: inout [UInt8]) {
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
