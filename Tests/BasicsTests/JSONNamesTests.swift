import Testing

@testable import Basics

@Suite struct DuplicateNameTests {
    private func repeated(_ names: [String]) -> Range<Int>? {
        var text: [UInt8] = []
        let ranges = names.map { name in
            text += Array(name.utf8)
            return text.count - name.utf8.count..<text.count
        }
        return text.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { base in JSONNames.repeated(ranges.count, in: base) { ranges[$0] } }
        }
    }

    @Test func theLaterOfTwoEqualNamesIsFound() {
        #expect(repeated(["ab", "a", "ab"]) == 3..<5)
        #expect(repeated(["a", #"\u0061"#]) == 1..<7)
        #expect(repeated(["a", "b", "ab", "ba"]) == nil)
    }

    @Test func manyNamesAreComparedAsFewAre() {
        let names = (0..<40).map { "name\($0)" }
        #expect(repeated(names) == nil)
        #expect(repeated(names + ["name7"]) != nil)
    }
}
