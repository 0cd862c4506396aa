import Basics
import Testing

@Suite("Partition point")
struct PartitionPointTests {
    @Test(arguments: [0..<0, 0..<1, 3..<10, 0..<64])
    func isTheFirstIndexThatSatisfies(range: Range<Int>) {
        for point in range.lowerBound...range.upperBound {
            #expect(range.partitionPoint { $0 >= point } == point)
        }
    }
}
