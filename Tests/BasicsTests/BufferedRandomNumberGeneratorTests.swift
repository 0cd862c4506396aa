import Testing

@testable import Basics

@Suite struct BufferedRandomNumberGeneratorTests {
    @Test(arguments: [0, 1, 5, 32, 1000])
    func everyNumberIsTakenOnce(expected: Int) {
        var generator = BufferedRandomNumberGenerator(expecting: expected)
        let numbers = (0..<200).map { _ in generator.next() }
        // Two equal numbers of 64 bits among 200 would be a number that was given twice.
        #expect(Set(numbers).count == numbers.count)
    }
}
