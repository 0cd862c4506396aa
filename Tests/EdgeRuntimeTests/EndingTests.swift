import Foundation
import Testing

@testable import EdgeRuntime

@Suite("The table of endings")
struct EndingTests {
    /// Returns the rows of the table in `docs/endings.md`, as cells without backquotes.
    private func documentedRows() throws -> [[String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/endings.md"), encoding: .utf8)
        let lines = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        return lines.map { line in
            line.split(separator: "|").map { $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
    }

    private func cell(_ code: WebSocketCloseCode?) -> String { code.map { "\($0.rawValue)" } ?? "—" }

    @Test("docs/endings.md shows every ending with what each surface says")
    func documentation() throws {
        let rows = Ending.Kind.allCases.map { kind in
            let error = kind.jsonRPCError.map { "−\(-$0.code), " } ?? ""
            return [
                kind.rawValue, kind.isSaidOnSSE ? kind.rawValue : "—", self.cell(kind.closeCode(on: .workspace)),
                error + self.cell(kind.closeCode(on: .relay)), kind.next.rawValue, kind.sentence,
            ]
        }
        let documented = try self.documentedRows()
        #expect(documented.count == rows.count)
        for (row, shown) in zip(rows, documented) { #expect(row == shown) }
    }

    @Test("every sentence fits into a close frame, and is told whole", arguments: Ending.Kind.allCases)
    func sentences(_ kind: Ending.Kind) {
        #expect(kind.sentence.utf8.count <= 123)
        for surface in WebSocketSurface.allCases {
            guard let code = kind.closeCode(on: surface) else { continue }
            let frame = WebSocketFrame.close(Ending(kind), on: surface)
            #expect(code.isAllowedOnTheWire)
            #expect(Array(frame.dropFirst(4)) == Array(kind.sentence.utf8))
        }
    }

    @Test("a detail stands in the place of the sentence and changes neither label nor code")
    func detail() {
        let ending = Ending(.silent, detail: "nothing for 60 s")
        #expect(ending.sentence == "nothing for 60 s" && ending.description == "silent")
        #expect(Array(WebSocketFrame.close(ending, on: .relay).dropFirst(4)) == Array("nothing for 60 s".utf8))
    }
}
