import Basics
import EdgeRuntime
import EventLog
import EventModel

/// Encodes a long poll's response: one JSON document, which the delivery loop assembles from the shared encoded events. Contract §15.
struct LongPollEncoder: StreamEncoder {
    var name: String { "long-poll" }

    /// The length of the comma before each event.
    var separatorLength: Int { 1 }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        let event = entry.event
        bytes.reserve(more: event.payload.bytes.count + event.type.name.utf8.count + 128)
        bytes.append(",{\"id\":\"")
        bytes.append(contentsOf: cursor.text.utf8)
        bytes.append("\",\"type\":\"")
        bytes.append(contentsOf: event.type.name.utf8)
        bytes.append("\",\"payload\":")
        bytes.append(contentsOf: event.payload.bytes)
        bytes.append(",\"timestamp\":\"")
        event.time.appendISO8601(to: &bytes)
        bytes.append("\"}")
    }

    func opening(_ opening: Opening) -> [UInt8] { opening.head + Array("{\"events\":[".utf8) }

    /// A space, which JSON allows between tokens: keeps the connection of a waiting client open through proxies.
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { [UInt8(ascii: " ")] }

    /// Empty: the conclusion contains the gap.
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { [] }

    func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append("],\"cursor\":\"")
        bytes.append(contentsOf: cursor.text.utf8)
        bytes.append("\"")
        switch gap {
        case .expired(let first):
            bytes.append(",\"gap\":{\"reason\":\"expired\",\"missedBefore\":\"")
            bytes.append(contentsOf: first.text.utf8)
            bytes.append("\"}")
        case .unknownCursor: bytes.append(",\"gap\":{\"reason\":\"unknown_cursor\"}")
        case nil: break
        }
        bytes.append("}")
        return bytes
    }

    /// Empty: the conclusion completes the document, and clients do not need the reason for a batch's end.
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { [] }
}
