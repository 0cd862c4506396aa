import Basics
import EventModel
import Webhooks

/// An event, or a gap, as a message for a receiver.
struct PolledEvent: Sendable, Hashable {
    let cursor: Cursor
    let type: EventType
    let message: SignedMessage

    /// - Parameter data: JSON, sent byte for byte.
    init(_ cursor: Cursor, _ type: EventType, time: Timestamp, data: [UInt8]) {
        self.cursor = cursor
        self.type = type
        message = SignedMessage(id: cursor, type: type, time: time, data: data)
    }
}

/// The answer to a long poll (contract §15).
struct PolledEvents: Sendable, Hashable {
    /// Says that events before ``events`` are missing.
    var gap: PolledEvent?
    /// In the log's order.
    var events: [PolledEvent] = []
    /// Where the next poll continues.
    var cursor: Cursor

    /// Parses the document. Payloads keep their bytes, because a receiver of the dispatcher's deliveries gets these.
    ///
    /// - Parameter now: the time of a gap.
    /// - Returns: nil for a truncated document, and for one that is not a long poll's.
    init?(_ body: [UInt8], now: Timestamp) {
        guard let document = try? JSONScanner.scan(body, { scanner throws(JSONSyntaxError) in try Document(&scanner, body) }),
            let cursor = Self.cursor(document.members["cursor"]), document.hasEvents
        else { return nil }
        self.cursor = cursor
        for members in document.events {
            guard let event = Self.event(members) else { return nil }
            events.append(event)
        }
        guard let members = document.gap else { return }
        guard let gap = Self.gap(members, current: cursor) else { return nil }
        // Its members are those of the dispatcher's, in the same order.
        self.gap = PolledEvent(gap.resumptionCursor, EventType(generated: "stream.gap"), time: now, data: Array(document.gapText))
    }

    private typealias Members = [String: ArraySlice<UInt8>]

    private static func event(_ members: Members) -> PolledEvent? {
        guard let cursor = cursor(members["id"]), let type = text(members["type"]).flatMap({ try? EventType($0) }),
            let time = text(members["timestamp"]).flatMap({ Timestamp(rfc3339: $0) }), let payload = members["payload"],
            payload.first == UInt8(ascii: "{")
        else { return nil }
        return PolledEvent(cursor, type, time: time, data: Array(payload))
    }

    private static func gap(_ members: Members, current: Cursor) -> StreamGap? {
        switch text(members["reason"]) {
        case "expired": cursor(members["missedBefore"]).map { .expired(missedBefore: $0) }
        case "unknown_cursor": .unknownCursor(current: current)
        default: nil
        }
    }

    private static func cursor(_ value: ArraySlice<UInt8>?) -> Cursor? { text(value).flatMap { Cursor($0) } }

    /// The text of a string without escapes: cursors, types, times and reasons have none.
    private static func text(_ value: ArraySlice<UInt8>?) -> String? {
        guard let value, value.count >= 2, value.first == UInt8(ascii: "\"") else { return nil }
        return String(decoding: value.dropFirst().dropLast(), as: UTF8.self)
    }

    /// The document's parts, as ranges of its text.
    private struct Document {
        var members: Members = [:]
        var events: [Members] = []
        var hasEvents = false
        var gap: Members?
        var gapText: ArraySlice<UInt8> = []

        init(_ scanner: inout JSONScanner, _ body: [UInt8]) throws(JSONSyntaxError) {
            scanner.skipWhitespace()
            try scanner.openObject()
            var isFirst = true
            while let name = try scanner.nextMember(isFirst: isFirst) {
                isFirst = false
                let start = scanner.position
                switch String(decoding: body[name], as: UTF8.self) {
                case "events":
                    hasEvents = true
                    try scanner.openArray()
                    while try scanner.nextElement(isFirst: events.isEmpty) { events.append(try Self.members(&scanner, body)) }
                case "gap":
                    gap = try Self.members(&scanner, body)
                    gapText = body[start..<scanner.position]
                case let name:
                    try scanner.scanValue(depth: 1)
                    members[name] = body[start..<scanner.position]
                }
            }
            try scanner.finish()
        }

        private static func members(_ scanner: inout JSONScanner, _ body: [UInt8]) throws(JSONSyntaxError) -> Members {
            try scanner.openObject()
            var found: Members = [:]
            while let name = try scanner.nextMember(isFirst: found.isEmpty) {
                let start = scanner.position
                // A payload may have all the levels that the intake allows.
                try scanner.scanValue(depth: 0)
                found[String(decoding: body[name], as: UTF8.self)] = body[start..<scanner.position]
            }
            return found
        }
    }
}
