import Foundation
import HTTPAPI
import HTTPTypes
import Testing

/// The documents agree with the table on every error code.
@Suite("Error codes in the documents")
struct ErrorDocumentTests {
    private static func document(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs").appending(path: name), encoding: .utf8)
    }

    @Test func theTableOfErrorsIsTheOneInTheCode() throws {
        let rows = try Self.document("errors.md").split(separator: "\n").filter { $0.contains(/^\| `\w+` \| \d{3} \|/) }
        let expected = Set(
            APIError.Code.allCases.map { code in
                "| `\(code.rawValue)` | \(code.status.code) | \(code.isRetriable ? "yes" : "no") | \(code.sentence) |"
            }
        )
        #expect(Set(rows.map(String.init)) == expected)
        #expect(rows.count == expected.count)
    }

    @Test func theDescriptionOfTheAPIHasEveryCode() throws {
        let lines = try Self.document("openapi.yaml").split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "        error:"))
        let codes = lines[start...].drop { !$0.hasSuffix("enum:") }.dropFirst().prefix { $0.hasPrefix("            - ") }
        #expect(codes.map { String($0.dropFirst("            - ".count)) } == APIError.Code.allCases.map(\.rawValue).sorted())
    }
}
