import Basics
import EventModel
import Foundation
import TestKit
import Testing

/// The validator against Foundation's parser, over valid objects and over objects with a few bytes changed.
@Suite struct PayloadPropertyTests {
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func acceptsWhatIsValid(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<500 {
            let json = bytes(RandomText.object(depth: 4, using: &generator))
            let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
            #expect(object != nil)
            compare(json)
        }
    }

    @Test(arguments: 11...18 as ClosedRange<UInt64>)
    func agreesOnMutations(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var accepted = 0
        for _ in 0..<1000 {
            var json = bytes(RandomText.object(depth: 3, using: &generator))
            for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&json, using: &generator) }
            if compare(json) { accepted += 1 }
        }
        #expect(accepted > 20, "the mutations are too coarse to test anything")
        #expect(accepted < 980, "the mutations are too fine to test anything")
    }

    /// Cases where Foundation deviates: it accepts a comma before a closing bracket, and rejects numbers that a Double cannot hold.
    private static func isBeyondFoundation(_ json: String) -> Bool {
        json.contains(/,\s*[}\]]/) || json.contains(/[eE][+-]?[0-9]{3}/)
    }

    /// Whether both accept `json`; records an issue where they differ for another reason than our own rules.
    @discardableResult
    private func compare(_ json: [UInt8]) -> Bool {
        let object = (try? JSONSerialization.jsonObject(with: Data(json))) as? [String: Any]
        let shown = String(decoding: json, as: UTF8.self)
        guard !Self.isBeyondFoundation(shown) else { return false }
        do {
            let payload = try Payload(validating: json)
            guard let object else {
                Issue.record("accepted, but Foundation refuses it: \(shown)")
                return false
            }
            // Foundation's strings are equal when they are canonically equivalent, so it may count fewer members.
            #expect(object.count <= payload.memberCount)
            for (name, value) in object { compare(value, payload, name, shown) }
            return true
        } catch {
            let isOurRule = error.field != "payload" || error.message.contains("two members") || error.message.contains("has already")
            #expect(object == nil || isOurRule, "refused, but Foundation accepts it: \(shown): \(error)")
            return false
        }
    }

    private func compare(_ value: Any, _ payload: Payload, _ name: String, _ shown: String) {
        switch payload.kind(of: name) {
        case .string: #expect(value as? String == payload.string(name), "\(name) of \(shown)")
        case .boolean: #expect(value as? Bool == payload.boolean(name), "\(name) of \(shown)")
        case .null: #expect(value is NSNull, "\(name) of \(shown)")
        case .number: #expect(value is NSNumber, "\(name) of \(shown)")
        case .array: #expect(value is [Any], "\(name) of \(shown)")
        case .object: #expect(value is [String: Any], "\(name) of \(shown)")
        case nil: Issue.record("\(name) not found in \(shown)")
        }
    }

    private func mutate(_ json: inout [UInt8], using generator: inout some RandomNumberGenerator) {
        let telling = bytes("{}[]:,\"\\ \n0-.eEtu") + [0x00, 0x1F, 0x7F, 0x80, 0xBF, 0xC3, 0xE2, 0xED, 0xF0, 0xF4, 0xFF]
        let place = Int.random(in: json.indices, using: &generator)
        let byte = telling[Int.random(in: telling.indices, using: &generator)]
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: json[place] = byte
        case 1: json.insert(byte, at: place)
        case 2 where json.count > 2: json.remove(at: place)
        default: json.swapAt(place, Int.random(in: json.indices, using: &generator))
        }
    }
}
