import Basics
import TestKit
import Testing

@testable import HTTPAPI

/// Queries and fields of requests.
@Suite struct RequestFuzzTests {
    @Test func queries() throws {
        let seeds = ["limit=50&cursor=evt_01HX9VTPQR3KF8MZWBYD5N6JCE", "types=a.*,b.c&token=x.y.z&last_event_id=", "a=%C3%A9+b&a=%00&&=&b"]
        let tokens = ["limit=", "&", "=", "%26", "%3D", "%", "+", "last_event_id=", "lastEventId=", "lastEventID=", "Last-Event-ID="]
        try Fuzzer("query", seeds: seeds, tokens: tokens, maximumBytes: 20_000).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            let unbounded = QueryParameters(unbounded: text)
            _ = (unbounded.decodableValues("a"), unbounded.lastEventID)
            guard let query = try? QueryParameters(text) else {
                try expect(
                    input.count > QueryParameters.maximumBytes || text.split(separator: "&").count > QueryParameters.maximumCount,
                    "refused"
                )
                return
            }
            for name in ["limit", "cursor", "types", "token", "a"] {
                guard let values = try? query.values(name) else { continue }
                try expect(values == query.decodableValues(name), "\(name): \(values), \(query.decodableValues(name))")
                if let value = try? query.value(name) { try expect(values == [value], "\(name): \(values), \(value)") }
            }
        }
    }

    /// What a client encodes is what is read.
    @Test func encodedValues() throws {
        try Fuzzer("query, encoded", seeds: ["plain", "a&b=c", "é 🚀", "100%", "a+b"], tokens: ["&", "=", "+", "%", "#", "?"]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            let encoded = input.map { byte in "%" + String(byte, radix: 16).leftPadded }.joined()
            guard let query = try? QueryParameters("x=1&name=\(encoded)&y=2") else { return }
            let value = try query.value("name") ?? "nothing"
            try expect(value.utf8.elementsEqual(text.utf8), "read as \(value)")
        }
    }

    @Test func origins() throws {
        let seeds = [
            "https://App.example:443", "http://localhost:3000", "http://[::1]:80/", "custom+scheme://host", "http://[::ffff:127.0.0.1]",
        ]
        try Fuzzer("origin", seeds: seeds, tokens: ["://", ":", "[", "]", "@", "/", "?", "#", "::", "0:0", "null"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let origin = WebOrigin(text) else { return }
            try expect(WebOrigin(origin.description) == origin, "\(text) is shown as \(origin), which is another one or none")
            try expect(!origin.host.isEmpty && !origin.description.contains("@"), "\(text) is \(origin)")
        }
    }

    @Test func contentTypes() throws {
        let seeds = ["application/json", "Application/JSON ; charset=\"UTF-8\"", "text/plain;charset=iso-8859-1;a=b"]
        try Fuzzer("content type", seeds: seeds, tokens: [";", "charset=", "utf-8", "\"", "/", " "]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let type = ContentType(text) else { return }
            try expect(type.mediaType.contains("/") && !type.mediaType.contains(";"), "read as \(type.mediaType)")
        }
    }
}

extension String {
    fileprivate var leftPadded: String { utf8.count < 2 ? "0" + self : self }
}
