import Basics
import Foundation
import TestKit
import Testing

@testable import EventModel

/// Short texts from outside: cursors, filters, times, names; and JSON.
@Suite struct TextFuzzTests {
    @Test func cursors() throws {
        let seeds = ["evt_01HX9VTPQR3KF8MZWBYD5N6JCE", "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "evt_00000000000000000000000000", ""]
        try Fuzzer("cursor", seeds: seeds, tokens: ["evt_", "ntf_", "8", "Z", "I", "L", "O", "U"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let cursor = Cursor(text) else { return }
            try expect(cursor.text.utf8.elementsEqual(input), "two spellings of one place: \(text), \(cursor.text)")
            try expect(cursor.sequence <= UInt64(Int64.max), "the sequence is \(cursor.sequence)")
            try expect(cursor.time.iso8601.utf8.count >= 20, "the time is \(cursor.time.iso8601)")
        }
    }

    @Test func typeFilters() throws {
        let seeds = ["investigation.*,approval.requested", "a.b", (0..<64).map { "t.n\($0)" }.joined(separator: ",")]
        try Fuzzer("type filter", seeds: seeds, tokens: [".*", "*", ",", ",,", "a.*", "stream.*"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let filter = try? TypeFilter(query: text) else { return }
            for pattern in text.split(separator: ",", omittingEmptySubsequences: false) {
                let name = pattern.hasSuffix(".*") ? pattern.dropLast(2) + ".tail" : pattern
                guard let type = try? EventType(String(name)) else { continue }
                try expect(filter.matches(type), "\(text) does not match \(type.name)")
            }
        }
    }

    @Test func times() throws {
        let seeds = [
            "2024-04-01T14:32:10.123Z", "1999-12-31t23:59:59+23:59", "2024-02-29 00:00:00-00:00", "9999-12-31T23:59:60Z",
            "0000-01-01T00:00:00Z",
        ]
        try Fuzzer("RFC 3339 time", seeds: seeds, tokens: ["T", "Z", "z", "+", "-", ":", ".", "60", "24", "99"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let time = Timestamp(rfc3339: text) else { return }
            let shown = time.iso8601
            try expect(Timestamp(rfc3339: shown) == time, "\(text) is shown as \(shown), which is read as another time or none")
        }
    }

    @Test func identifiers() throws {
        let seeds = ["acme", "apr/1", "a..b", String(repeating: "x", count: 256), String(repeating: "é", count: 128)]
        try Fuzzer("identifier", seeds: seeds, tokens: ["..", "/", "./", "\u{85}", "\u{9F}", "\u{A0}", "\u{C2}"], maximumBytes: 600).run {
            input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            let hasControl = text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
            let isName = (1...256).contains(input.count) && !hasControl
            try expect(((try? Tenant(text)) != nil) == isName, "a tenant or not: \(text)")
            let climbs = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).contains {
                $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
            }
            try expect(((try? ApprovalID(text)) != nil) == (isName && !climbs), "an approval or not: \(text)")
        }
    }

    @Test func traceParents() throws {
        let seeds = [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x",
        ]
        try Fuzzer("traceparent", seeds: seeds, tokens: ["ff", "00", "-", "A"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let trace = TraceParent(text) else { return }
            try expect(TraceParent(trace.text) == trace, "\(text) is kept as \(trace.text), which is another or none")
            try expect(trace.text.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "kept as \(trace.text)")
        }
    }

    /// Accepted JSON is JSON to Foundation, too.
    @Test func json() throws {
        let seeds = [
            #"{"a":1,"b":[true,false,null,"x\u0041\n",-1.5e+3],"c":{"d":{}}}"#, #"["\ud83d\ude80","é",[],{}]"#, "0", "\"\"",
            String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
        ]
        try Fuzzer("JSON", seeds: seeds, tokens: ["\"a\":", "1e5", "e", "E+", "-", "\\u", "\\u00e9", "//", "/**/"]).run { input in
            let isAccepted = JSONScanner.scan(input) { scanner in
                do throws(JSONSyntaxError) {
                    scanner.skipWhitespace()
                    try scanner.scanValue(depth: 0)
                    try scanner.finish()
                    return true
                } catch {
                    return false
                }
            }
            // Foundation refuses numbers that no Double holds; here they pass through unread.
            let isLarge = input.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.contains { $0.count > 300 }
            guard isAccepted, !isLarge, !input.contains(UInt8(ascii: "e")), !input.contains(UInt8(ascii: "E")) else { return }
            let value = try? JSONSerialization.jsonObject(with: Data(input), options: .fragmentsAllowed)
            try expect(value != nil, "accepted, but not by Foundation")
        }
    }

    @Test func strings() throws {
        try Fuzzer("JSON string", seeds: ["plain", "a\"b\\c", "é🚀", "\u{1}\u{7F}\u{85}\u{2028}"], tokens: ["\\", "\""]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            var out = Array(#"{"text":"#.utf8)
            JSONString.append(text, to: &out)
            out.append(UInt8(ascii: "}"))
            let payload = try Payload(validating: out)
            try expect(payload.string("text")?.utf8.elementsEqual(input) == true, "written and read again it is another text")
        }
    }
}
