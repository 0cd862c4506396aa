import Basics
import Testing

@testable import EventLog

@Suite struct ReadPlanTests {
    @Test func fewReadByThemselves() {
        var plan = ReadPlan(limit: 4)
        for id: UInt64 in 1...4 { #expect(plan.requested(id) == .readFiltered(id)) }
        check(plan.filteredReadEnded(2), .none)
        check(plan.requested(5), .readFiltered(5))
    }

    @Test func moreShareOneScan() {
        var plan = ReadPlan(limit: 4)
        for id: UInt64 in 1...4 { _ = plan.requested(id) }
        check(plan.requested(5), .scan)
        for id: UInt64 in 6...200 { #expect(plan.requested(id) == .none) }
        check(plan.scanBegan(), Array(5...200))
        // These came too late for it.
        check(plan.requested(201), .none)
        check(plan.requested(202), .none)
        check(plan.scanEnded(), .scan)
        check(plan.scanBegan(), [201, 202])
        check(plan.scanEnded(), .none)
    }

    @Test func aFreePlaceIsUsedWhileAScanIsUnderWay() {
        var plan = ReadPlan(limit: 1)
        _ = plan.requested(1)
        check(plan.requested(2), .scan)
        _ = plan.scanBegan()
        check(plan.requested(3), .none)
        check(plan.filteredReadEnded(1), .readFiltered(3))
        check(plan.scanEnded(), .none)
        check(plan.filteredReadEnded(3), .none)
    }

    @Test func oneWhoIsLeftReadsAlone() {
        var plan = ReadPlan(limit: 2)
        for id: UInt64 in 1...2 { _ = plan.requested(id) }
        _ = plan.requested(3)
        _ = plan.scanBegan()
        check(plan.filteredReadEnded(1), .none)
        check(plan.requested(4), .readFiltered(4))
        check(plan.requested(5), .none)
        check(plan.filteredReadEnded(4), .readFiltered(5))
        check(plan.scanEnded(), .none)
    }

    @Test func whoGaveUpIsNotRead() {
        var plan = ReadPlan(limit: 1)
        _ = plan.requested(1)
        _ = plan.requested(2)
        _ = plan.scanBegan()
        for id: UInt64 in 3...5 { _ = plan.requested(id) }
        plan.withdrawn(3)
        plan.withdrawn(5)
        check(plan.filteredReadEnded(1), .readFiltered(4))
        check(plan.scanEnded(), .none)
    }

    /// In any order of calls, no reader is lost and the bounds hold.
    @Test(arguments: [1, 2, 3, 4, 5])
    func everyoneIsServedOnce(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plan = ReadPlan(limit: 3)
        var filtered: Set<UInt64> = []
        var inScan: [UInt64]?
        var isScanDue = false
        var served: [UInt64] = []
        var nextID: UInt64 = 0

        func perform(_ action: ReadPlan.Action) {
            switch action {
            case .none: break
            case .readFiltered(let id): filtered.insert(id)
            case .scan: isScanDue = true
            }
            #expect(filtered.count <= 3)
        }
        func endScan() {
            guard let scan = inScan else { return }
            served += scan
            inScan = nil
            perform(plan.scanEnded())
        }
        func beginScan() {
            guard isScanDue, inScan == nil else { return }
            isScanDue = false
            inScan = plan.scanBegan()
        }
        func endFiltered() {
            guard let id = filtered.randomElement(using: &random) else { return }
            filtered.remove(id)
            served.append(id)
            perform(plan.filteredReadEnded(id))
        }
        for _ in 0..<2000 {
            switch UInt.random(in: 0..<6, using: &random) {
            case 0...2:
                nextID += 1
                perform(plan.requested(nextID))
            case 3: beginScan()
            case 4: endScan()
            default: endFiltered()
            }
        }
        while isScanDue || inScan != nil || !filtered.isEmpty {
            beginScan()
            endScan()
            endFiltered()
        }
        #expect(served.sorted() == Array(1...nextID))
    }

    /// `#expect` cannot evaluate a mutating call.
    private func check<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(value == expected, sourceLocation: sourceLocation)
    }
}
