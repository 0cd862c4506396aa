import TestKit
import Testing

@testable import OperatorCommands

@Suite struct LineSplitterTests {
    private func lines(_ pieces: [String], maximumBytes: Int = 10) -> [String] {
        var splitter = LineSplitter(maximumBytes: maximumBytes)
        let lines = pieces.flatMap { splitter.take(Array($0.utf8)) } + [splitter.finish()].compactMap(\.self)
        return lines.map { line in "\(line.number) " + (line.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "too long") }
    }

    @Test(
        arguments: [
            ([], []), ([""], []), (["a"], ["1 a"]), (["a\n"], ["1 a"]), (["a\nb"], ["1 a", "2 b"]), (["a\r\nb\r\n"], ["1 a", "2 b"]),
            (["\n\n a \n \t\nb\n\n"], ["3  a ", "5 b"]), (["ab", "cd\nef", "\n"], ["1 abcd", "2 ef"]), (["a\r", "\nb"], ["1 a", "2 b"]),
            (["0123456789\n"], ["1 0123456789"]), (["0123456789\r\n"], ["1 0123456789"]), (["0123456789a\nb"], ["1 too long", "2 b"]),
            (["01234567890123456789", "x", "y\nb\n"], ["1 too long", "2 b"]), (["0123456789", "a"], ["1 too long"]),
            (["a\rb\n"], ["1 a\rb"]),
        ] as [([String], [String])]
    )
    func cutsAndCounts(_ pieces: [String], _ expected: [String]) {
        #expect(lines(pieces) == expected)
    }

    @Test func doesNotCareHowTheInputArrives() {
        let text = "one\r\ntwo\n\nthe third line is long\nfour"
        let expected = lines([text], maximumBytes: 8)
        #expect(expected == ["1 one", "2 two", "4 too long", "5 four"])
        #expect(lines(text.utf8.map { String(decoding: [$0], as: UTF8.self) }, maximumBytes: 8) == expected)
    }
}
