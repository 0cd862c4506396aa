import Testing

@testable import ServiceKit

@Suite struct BurstWatchTests {
    /// Looks once a second at the processor time used so far, in milliseconds; returns the numbers of the looks at which a burst was over.
    private func looks(_ used: [Int]) -> [Int] {
        var watch = BurstWatch()
        let isOver = used.map { watch.isOver(processorTime: .milliseconds($0), interval: .seconds(1)) }
        return isOver.indices.filter { isOver[$0] }
    }

    /// The start of a process is the first one.
    @Test func aBurstIsOverOnceWhenTheProcessIsQuiet() {
        #expect(looks([900, 950, 950, 960]) == [1])
        #expect(looks([900, 950, 950, 1_850, 1_860, 1_870]) == [1, 4])
    }

    @Test func aBusyProcessIsNotInterrupted() {
        let busy = (1...60).map { 51 * $0 }
        #expect(looks(busy) == [])
        #expect(looks(busy + [51 * 60]) == [60])
    }

    @Test func whatGivingBackCostsIsNoBurst() {
        var watch = BurstWatch()
        let looks = [900, 900, 1_401].map { used in
            let isOver = watch.isOver(processorTime: .milliseconds(used), interval: .seconds(1))
            if isOver { watch.begin(at: .milliseconds(1_400)) }
            return isOver
        }
        #expect(looks == [false, true, false])
    }

    @Test func aQuietProcessHasDoneAsMuchAsABurstAfterAWhile() {
        #expect(looks((1...50).map { 10 * $0 }) == [24, 49])
    }
}
