import Basics
import EventModel
import OperatorCommands
import TestKit
import Testing

@testable import event_producer

/// Standard input of `event-producer publish`.
@Suite struct LineFuzzTests {
    @Test func lines() throws {
        let seeds = [
            "{\"type\":\"a.b\",\"tenant\":\"acme\",\"payload\":{}}\n\n{\"type\":\"incident.created\",\"payload\":{\"incidentId\":\"i\"}}\r\n",
            "[]\n{}\n \t \n{\"type\":\"a.b\",\"payload\":{\"x\":\"\\n\"}}",
        ]
        try Fuzzer("lines", seeds: seeds, tokens: ["\n", "\r\n", "\r", "\"tenant\":", "\"type\":", "[", "]"]).run { input, generator in
            var whole = LineSplitter(maximumBytes: 100)
            var cut = LineSplitter(maximumBytes: 100)
            let lines = whole.take(input) + [whole.finish()].compactMap(\.self)
            let place = generator.below(input.count + 1)
            let pieces = cut.take(input[..<place]) + cut.take(input[place...]) + [cut.finish()].compactMap(\.self)
            try expect(lines == pieces, "whole: \(lines), cut at \(place): \(pieces)")
            let reader = EventReader(tenant: "acme")
            for line in lines {
                try expect((line.bytes?.count ?? 0) <= 100, "a line of \(line.bytes?.count ?? 0) bytes")
                guard let event = try? reader.event(line, now: Timestamp(millisecondsSinceEpoch: 0), using: &generator) else { continue }
                try expect((try? EventID(event.id.text)) != nil, "the id is \(event.id.text)")
            }
        }
    }
}
