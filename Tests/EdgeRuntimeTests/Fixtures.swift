import Basics
import EventLog
import EventModel
import Glibc
import TestKit

@testable import EdgeRuntime

/// An encoding that is easy to read in a failure: `<sequence>:<type>:<payload>|`.
struct PlainEncoder: StreamEncoder {
    var name: String { "plain" }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        bytes += Array("\(cursor.sequence):\(entry.event.type.name):".utf8)
        bytes += entry.event.payload.bytes
        bytes.append(UInt8(ascii: "|"))
    }

    func opening(_ opening: Opening) -> [UInt8] { opening.head + Array((opening.cursor.map { "open \($0.sequence)|" } ?? "open|").utf8) }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] {
        Array("beat \(cursor.sequence)\(isLive ? "" : " stalled")|".utf8)
    }

    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] {
        switch gap {
        case .expired(let missedBefore): Array("expired before \(missedBefore.sequence)|".utf8)
        case .unknownCursor(let current): Array("unknown, on from \(current.sequence)|".utf8)
        }
    }

    func authenticated(until expiry: Timestamp, time: Timestamp) -> [UInt8] {
        Array("renewed until \(expiry.millisecondsSinceEpoch / 1000)|".utf8)
    }

    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] {
        ending.kind.isSaidOnSSE ? Array("end \(ending)|".utf8) : WebSocketFrame.close(ending, on: .relay)
    }
}

enum Fixture {
    static let epoch: UInt16 = 7

    /// - Parameter others: further recipients beside the user.
    static func entry(
        _ sequence: UInt64,
        tenant: String = "acme",
        type: String = "incident.created",
        user: String? = nil,
        others: [String] = [],
        traceparent: String? = nil,
        payload: String = #"{"incidentId":"i"}"#
    ) throws -> LogEntry {
        var event = Event(
            id: EventID(generated: "e\(sequence)"),
            tenant: try Tenant(tenant),
            type: try EventType(type),
            user: try user.map { try UserID($0) },
            time: Timestamp(millisecondsSinceEpoch: 1_700_000_000_000),
            source: nil,
            traceparent: traceparent,
            payload: try Payload(validating: Array(payload.utf8))
        )
        if let user = event.user, let recipients = Recipients(user, and: try others.map { try UserID($0) }), !others.isEmpty {
            event.recipients = recipients
        }
        let intake = Timestamp(millisecondsSinceEpoch: Int64(1_700_000_000_000 + sequence))
        return LogEntry(sequence: sequence, intake: intake, event: event)
    }

    /// The bytes of an entry in `PlainEncoder`.
    static func text(_ entry: LogEntry) -> String {
        var bytes: [UInt8] = []
        PlainEncoder().append(entry, cursor: entry.cursor(epoch: self.epoch), to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A sink that takes as many bytes per call as its script says, then all.
struct ScriptedSink: ByteSink {
    var script: [Int]
    var written: [UInt8] = []
    var calls = 0

    mutating func write(_ spans: UnsafeBufferPointer<iovec>) -> Int? {
        self.calls += 1
        var room = self.script.isEmpty ? Int.max : self.script.removeFirst()
        if room < 0 { return nil }
        var taken = 0
        for span in spans {
            let count = min(room, span.iov_len)
            self.written += UnsafeRawBufferPointer(start: span.iov_base, count: count)
            taken += count
            room -= count
            if count < span.iov_len { break }
        }
        return taken
    }
}

extension WebSocketDecoder {
    /// Processes all input, whatever it costs, in turns of `turn`.
    mutating func decode(_ bytes: UnsafeRawBufferPointer, turn: Int = .max, _ handle: (WebSocketInput) -> Void) {
        var rest = bytes
        repeat {
            var budget = InputBudget(turn)
            let taken = self.decode(rest, budget: &budget) { input in
                handle(input)
                return true
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        } while !rest.isEmpty
    }
}
