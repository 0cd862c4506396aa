import Basics
import EventModel
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// Foreign messages in the stream, and cursors from clients.
@Suite struct MessageFuzzTests {
    @Test func entries() throws {
        let seeds = [
            "events.acme.incident.created\nce-id: 1\ncauseway-intake: 1711981930000\n\n{\"incidentId\":\"i\"}",
            "executions.acme.agents.builder\nce-type: progress\ncauseway-execution: run-1\ncauseway-number: 1\ncauseway-start: 1\n\n{\"progress\":0.5}",
            "events.acme.DECISION.apr_1\nce-type: approval.resolved\n\n{\"approvalId\":\"apr_1\",\"remediationId\":\"r\",\"action\":\"approve\"}",
        ]
        let tokens = [
            "events.", "executions.", ".agents.", "ce-id: ", "ce-userid: ", "causeway-intake: ", "causeway-number: ", "causeway-start: ",
            "CE-ID: 2", "\n", "\n\n", "4611686018427387904", "281474976710656", "DECISION",
        ]
        try Fuzzer("messages of the log", seeds: seeds, tokens: tokens).run { input in
            for (sequence, timestamp) in [(UInt64(42), UInt64(1_711_981_930_000_000_000)), (.max, .max), (0, 0)] {
                guard let entry = try? EventMessage.entry(Self.message(input, sequence, timestamp)) else { continue }
                try expect(
                    (0..<1 << 48).contains(entry.intake.millisecondsSinceEpoch) || timestamp == .max,
                    "taken in at \(entry.intake.millisecondsSinceEpoch)"
                )
                if let place = entry.execution {
                    try expect(ExecutionNumber.range.contains(place.number.value), "the number \(place.number)")
                }
            }
        }
    }

    private static func message(_ input: [UInt8], _ sequence: UInt64, _ timestamp: UInt64) -> StoredMessage {
        let end = input.firstRange(of: Array("\n\n".utf8)) ?? input.endIndex..<input.endIndex
        var lines = input[..<end.lowerBound].split(separator: 0x0A, omittingEmptySubsequences: false)
        let subject = lines.isEmpty ? "" : String(decoding: lines.removeFirst(), as: UTF8.self)
        var headers = NATSHeaders()
        for line in lines {
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == 0x20 }
            headers.append(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        return StoredMessage(
            subject: subject,
            sequence: sequence,
            timestamp: timestamp,
            headers: headers,
            payload: Array(input[end.upperBound...])
        )
    }

    @Test func cursors() throws {
        let epoch: UInt16 = 4711
        func cursor(_ sequence: UInt64) -> Cursor { Cursor(time: Timestamp(millisecondsSinceEpoch: 1), epoch: epoch, sequence: sequence) }
        let logs = [
            LogBounds(firstSequence: 101, lastSequence: 200, epoch: epoch, firstCursor: cursor(101)),
            LogBounds(firstSequence: 201, lastSequence: 200, epoch: epoch, firstCursor: cursor(201)),
            LogBounds(firstSequence: 0, lastSequence: 0, epoch: epoch, firstCursor: nil),
        ]
        let seeds = [0, 1, 99, 100, 101, 150, 200, 201, UInt64(Int64.max), .max].map { cursor($0).text } + [""]
        try Fuzzer("cursor against the log", seeds: seeds, tokens: ["evt_", "0", "Z"]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            for log in logs {
                switch CursorResolution(text, bounds: log) {
                case .liveOnly: throw FuzzViolation("a place that was named is passed over")
                case .oldest(let after): try expect(text.isEmpty && after <= log.lastSequence, "the oldest is after \(after)")
                case .resume(let after): try expect(after <= log.lastSequence, "goes on after \(after) of \(log.lastSequence)")
                case .expired(let first, let after):
                    try expect(first.sequence == after + 1, "\(first.sequence) is missed before, after \(after)")
                case .unknown: break
                }
            }
        }
    }
}
