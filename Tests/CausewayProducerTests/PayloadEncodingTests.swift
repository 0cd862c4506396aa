import Basics
import EventModel
import Foundation
import Testing

@testable import CausewayProducer

/// Swift values as payloads: what readers see of them.
@Suite struct PayloadEncodingTests {
    private struct Report: Encodable {
        var incidentId = "i"
        var at: Date
        var url: String?
    }

    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try PayloadEncoding.payload(of: value).bytes, as: UTF8.self)
    }

    @Test("the same value is the same bytes: members are sorted, and an absent one is left out")
    func sorted() throws {
        let members = Dictionary(uniqueKeysWithValues: (0..<26).map { (String(UnicodeScalar(UInt8(97 + $0))), $0) })
        let expected = "{" + members.keys.sorted().map { "\"\($0)\":\(members[$0]!)" }.joined(separator: ",") + "}"
        #expect(try text(members) == expected)
        #expect(try text(Report(at: Date(timeIntervalSince1970: 0))) == #"{"at":"1970-01-01T00:00:00.000Z","incidentId":"i"}"#)
    }

    @Test("slashes stand for themselves")
    func slashes() throws {
        #expect(try text(["url": "https://a/b"]) == #"{"url":"https://a/b"}"#)
    }

    @Test(
        "dates are ISO 8601 in UTC, to the nearest millisecond",
        arguments: [
            (1_712_000_000.0, "2024-04-01T19:33:20.000Z"), (1_712_000_000.1234, "2024-04-01T19:33:20.123Z"),
            (1_712_000_000.1236, "2024-04-01T19:33:20.124Z"), (-0.001, "1969-12-31T23:59:59.999Z"),
        ]
    )
    func dates(seconds: Double, expected: String) throws {
        #expect(try text(Report(at: Date(timeIntervalSince1970: seconds))) == #"{"at":"\#(expected)","incidentId":"i"}"#)
    }

    @Test("what JSON or the calendar cannot say is invalidEvent, not a crash")
    func impossible() {
        #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: ["n": Double.nan]) }
        #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: ["n": Double.infinity]) }
        #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: Report(at: Date(timeIntervalSince1970: 1e300))) }
        let error = #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: ["n": Double.nan]) }
        #expect(error?.code == .invalidEvent)
        #expect(error?.field == "payload")
    }

    @Test("a payload is an object: nothing else is")
    func notAnObject() {
        let errors = [
            #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: [1, 2]) },
            #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: "text") },
            #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: 1) },
            #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: Int?.none) },
        ]
        #expect(errors.map { $0?.code } == Array(repeating: .invalidEvent, count: 4))
        #expect(errors.map { $0?.field } == Array(repeating: "payload", count: 4))
    }

    @Test("type and timestamp are the notification stream's members, and an execution's own")
    func streamMembers() throws {
        for name in ["type", "timestamp"] {
            let error = #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: [name: "x"]) }
            #expect(error?.field == "payload.\(name)")
            let payload = try PayloadEncoding.payload(of: [name: "x"], allowsStreamMembers: true)
            #expect(payload.bytes == Array("{\"\(name)\":\"x\"}".utf8))
            // Only at the top.
            #expect(try text(["in": [name: "x"]]) == "{\"in\":{\"\(name)\":\"x\"}}")
        }
    }

    private struct Nested: Encodable {
        var depth: Int

        enum CodingKeys: String, CodingKey { case a }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            if depth > 1 { try container.encode(Nested(depth: depth - 1), forKey: .a) }
        }
    }

    @Test("64 levels are taken, and no more")
    func depth() throws {
        #expect(try text(Nested(depth: 64)).hasSuffix(String(repeating: "}", count: 64)))
        let error = #expect(throws: ProducerError.self) { try PayloadEncoding.payload(of: Nested(depth: 65)) }
        #expect(error?.code == .invalidEvent)
    }
}
