import Testing

@testable import Basics

@Suite struct SharedRandomNumberGeneratorTests {
    @Test func everyNumberIsTakenOnceByAnyThread() async {
        let numbers = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<200).map { _ in SharedRandomNumberGenerator().next() } }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        // Two equal numbers of 64 bits among 1,600 would be a number that was given twice.
        #expect(Set(numbers).count == 1600)
    }
}
