import Basics
import EventModel
import Testing

@testable import EventLog

@Suite struct ReadPlanTests {
    @Test func fewReadByThemselves() {
        var plan = ReadPlan(limit: 4)
        for id: UInt64 in 1...4 { check(plan.afterRequest(request(id)), .readFiltered([id], of: tenant(id))) }
        check(plan.afterRequest(request(5)), nil)
        check(plan.afterFilteredRead(of: tenant(2)), .readFiltered([5], of: tenant(5)))
        check(plan.afterFilteredRead(of: tenant(1)), nil)
        check(plan.afterRequest(request(6)), .readFiltered([6], of: tenant(6)))
    }

    @Test func whatIsNearIsReadTogether() {
        var plan = ReadPlan(limit: 1)
        check(plan.afterRequest(request(1, after: 50, of: 1)), .readFiltered([1], of: tenant(1)))
        let reach = ReadPlan.reach
        let positions = [5000, 5000 - reach, 5000 + reach, 5000 + reach + 1, 4999 - reach, 5000]
        for (id, after) in zip(UInt64(2)..., positions) { check(plan.afterRequest(request(id, after: after, of: 1)), nil) }
        check(plan.afterRequest(request(8, after: 5000, of: 1, execution: "a")), nil)
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([2, 3, 4, 7], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([5], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([6], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([8], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), nil)
    }

    @Test func whereManyWaitMoreIsReadTogether() {
        var plan = ReadPlan(limit: 1)
        check(plan.afterRequest(request(1, of: 1)), .readFiltered([1], of: tenant(1)))
        for id in 2..<2 + 2 * UInt64(ReadPlan.crowd) { check(plan.afterRequest(request(id, after: id * 5000, of: 1)), nil) }
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([2, 3, 4], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([5, 6], of: tenant(1)))
    }

    @Test func aTenantTakesHalfOfThePlacesAtMost() {
        var plan = ReadPlan(limit: 4)
        check(plan.afterRequest(request(1, of: 1)), .readFiltered([1], of: tenant(1)))
        check(plan.afterRequest(request(2, of: 1)), .readFiltered([2], of: tenant(1)))
        for id: UInt64 in 3...30 { check(plan.afterRequest(request(id, after: id * 10_000, of: 1)), nil) }
        check(plan.afterRequest(request(1001, of: 2)), .readFiltered([1001], of: tenant(2)))
        check(plan.afterRequest(request(1002, of: 3)), .readFiltered([1002], of: tenant(3)))
        // All places are taken; then the tenants have turns.
        check(plan.afterRequest(request(1003, of: 2)), nil)
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([3], of: tenant(1)))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([1003], of: tenant(2)))
        check(plan.afterFilteredRead(of: tenant(2)), .readFiltered([4], of: tenant(1)))
    }

    @Test func manySourcesShareOneScan() {
        var plan = ReadPlan(limit: 4)
        let first = 4 + UInt64(ReadPlan.sourcesForScan)
        for id in 1...first { _ = plan.afterRequest(request(id)) }
        // More readers of a source are no more sources.
        check(plan.afterRequest(request(100, after: 1, of: first)), nil)
        check(plan.afterRequest(request(101)), .scan)
        for id: UInt64 in 102...200 { check(plan.afterRequest(request(id)), nil) }
        check(plan.scanBegan().sorted(), Array(5...first) + Array(100...200))
        // These came too late for it.
        for id: UInt64 in 201...219 { check(plan.afterRequest(request(id)), nil) }
        plan.scanEnded()
        check(plan.afterPause(), .scan)
        check(plan.scanBegan().sorted(), Array(201...219))
        plan.scanEnded()
        check(plan.afterPause(), nil)
    }

    @Test func noScanBeginsBeforeThePauseEnds() {
        var plan = ReadPlan(limit: 1)
        let last = 2 + UInt64(ReadPlan.sourcesForScan)
        for id in 1...last { _ = plan.afterRequest(request(id)) }
        _ = plan.scanBegan()
        plan.scanEnded()
        for id in 100...100 + last { check(plan.afterRequest(request(id)), nil) }
        check(plan.afterFilteredRead(of: tenant(1)), nil)
        check(plan.afterPause(), .scan)
        check(plan.scanBegan().sorted(), Array(100...100 + last))
    }

    @Test func aCrowdGetsNoFilteredReadUnlessTheScanIsLong() {
        var plan = ReadPlan(limit: 4)
        for id in 1...5 + UInt64(ReadPlan.sourcesForScan) { _ = plan.afterRequest(request(id)) }
        _ = plan.scanBegan()
        for id: UInt64 in 1...3 { check(plan.afterFilteredRead(of: tenant(id)), nil) }
        for id: UInt64 in 100...99 + UInt64(ReadPlan.sourcesForScan) { _ = plan.afterRequest(request(id)) }
        for id: UInt64 in 200...300 { check(plan.afterRequest(request(id)), nil) }
        for id: UInt64 in 100...102 { check(plan.afterFilteredRead(of: tenant(id)), nil) }
        // Unless the scan is long.
        check(plan.afterLongScan(), .readFiltered([103], of: tenant(103)))
        for id: UInt64 in 104...105 { check(plan.next(), .readFiltered([id], of: tenant(id))) }
        check(plan.next(), nil)
        plan.scanEnded()
        check(plan.afterLongScan(), nil)
        check(plan.afterPause(), .scan)
    }

    @Test func aCrowdOfOneTenantLeavesTheOthersTheirPlaces() {
        var plan = ReadPlan(limit: 4)
        let last = 3 + UInt64(ReadPlan.sourcesForScan)
        for id in 1...last { _ = plan.afterRequest(request(id, of: 1, execution: "agent-\(id)")) }
        _ = plan.scanBegan()
        for id in 100...100 + last { check(plan.afterRequest(request(id, of: 1, execution: "agent-\(id)")), nil) }
        check(plan.afterRequest(request(200, of: 2)), .readFiltered([200], of: tenant(2)))
    }

    @Test func whenACrowdHasGoneAllPlacesAreTaken() {
        var plan = ReadPlan(limit: 4)
        for id in 1...5 + UInt64(ReadPlan.sourcesForScan) { _ = plan.afterRequest(request(id)) }
        _ = plan.scanBegan()
        plan.scanEnded()
        for id in 100...101 + UInt64(ReadPlan.sourcesForScan) { check(plan.afterRequest(request(id)), nil) }
        for id: UInt64 in 1...4 { check(plan.afterFilteredRead(of: tenant(id)), nil) }
        for id: UInt64 in 104...105 { plan.withdrawn(id, of: tenant(id)) }
        check(plan.afterPause(), .readFiltered([100], of: tenant(100)))
        for id: UInt64 in 101...103 { check(plan.next(), .readFiltered([id], of: tenant(id))) }
        check(plan.next(), nil)
    }

    @Test func aFreePlaceIsUsedWhileAScanIsUnderWay() {
        var plan = ReadPlan(limit: 1)
        let last = 2 + UInt64(ReadPlan.sourcesForScan)
        for id in 1..<last { check(plan.afterRequest(request(id)), id == 1 ? .readFiltered([1], of: tenant(1)) : nil) }
        check(plan.afterRequest(request(last)), .scan)
        _ = plan.scanBegan()
        check(plan.afterRequest(request(500)), nil)
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([500], of: tenant(500)))
        plan.scanEnded()
        check(plan.afterPause(), nil)
        check(plan.afterFilteredRead(of: tenant(500)), nil)
    }

    @Test func whatWasWithdrawnIsNotRead() {
        var plan = ReadPlan(limit: 1)
        for id: UInt64 in 1...4 { _ = plan.afterRequest(request(id)) }
        _ = plan.afterRequest(request(5, of: 3))
        plan.withdrawn(2, of: tenant(2))
        plan.withdrawn(5, of: tenant(3))
        // It is under way.
        plan.withdrawn(1, of: tenant(1))
        check(plan.afterFilteredRead(of: tenant(1)), .readFiltered([3], of: tenant(3)))
        check(plan.afterFilteredRead(of: tenant(3)), .readFiltered([4], of: tenant(4)))
        check(plan.afterFilteredRead(of: tenant(4)), nil)
    }

    /// In any order of calls, no reader is lost and the bounds hold.
    @Test(arguments: [1, 2, 3, 4, 5])
    func everyoneIsServedOnce(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plan = ReadPlan(limit: 4)
        var filtered: [(ids: [UInt64], tenant: Tenant)] = []
        var inScan: [UInt64]?
        var isScanDue = false
        var isPausing = false
        var scans = 0
        var served: [UInt64] = []
        var withdrawn: [UInt64] = []
        var tenants: [UInt64: Tenant] = [:]
        var nextID: UInt64 = 0

        func perform(_ first: ReadPlan.Action?) {
            var action = first
            while let due = action {
                if case .readFiltered(let ids, let tenant) = due {
                    filtered.append((ids, tenant))
                    #expect(!ids.isEmpty)
                } else {
                    #expect(!isScanDue && inScan == nil && !isPausing)
                    isScanDue = true
                }
                action = plan.next()
            }
            #expect(filtered.count <= 4)
            #expect(Dictionary(grouping: filtered, by: \.tenant).values.allSatisfy { $0.count <= 2 })
        }
        func endScan() {
            guard let scan = inScan else { return }
            served += scan
            inScan = nil
            scans += 1
            plan.scanEnded()
            isPausing = true
        }
        func endPause() {
            guard isPausing else { return }
            isPausing = false
            perform(plan.afterPause())
        }
        func beginScan() {
            guard isScanDue, inScan == nil else { return }
            isScanDue = false
            inScan = plan.scanBegan()
        }
        /// What is under way is not withdrawn: its reader is told at once.
        func withdraw() {
            let id = UInt64.random(in: 1...max(nextID, 1), using: &random)
            guard let tenant = tenants[id] else { return }
            let isUnderWay = filtered.contains { $0.ids.contains(id) } || inScan?.contains(id) == true
            if !isUnderWay, !served.contains(id) { withdrawn.append(id) }
            plan.withdrawn(id, of: tenant)
        }
        func endFiltered() {
            guard let index = filtered.indices.randomElement(using: &random) else { return }
            let (ids, tenant) = filtered.remove(at: index)
            served += ids
            perform(plan.afterFilteredRead(of: tenant))
        }
        for _ in 0..<4000 {
            switch UInt.random(in: 0..<9, using: &random) {
            case 0...2:
                nextID += 1
                // One of them asks for far more than all others.
                let number = min(UInt64.random(in: 1...60, using: &random), 31)
                tenants[nextID] = tenant(number)
                perform(plan.afterRequest(request(nextID, after: UInt64.random(in: 0...100_000, using: &random), of: number)))
            case 3: beginScan()
            case 4: endScan()
            case 5: withdraw()
            case 6: endPause()
            case 7: if inScan != nil { perform(plan.afterLongScan()) }
            default: endFiltered()
            }
        }
        while isScanDue || inScan != nil || isPausing || !filtered.isEmpty {
            beginScan()
            endScan()
            endPause()
            endFiltered()
        }
        #expect((served + Set(withdrawn)).sorted() == Array(1...nextID))
        #expect(scans > 0)
    }

    private func tenant(_ number: UInt64) -> Tenant { Tenant(generated: "tenant-\(number)") }

    /// A read of the tenant with the number, or with the number of the id; of its events, or of an agent's.
    private func request(_ id: UInt64, after: UInt64 = 0, of number: UInt64? = nil, execution: String? = nil) -> ReadPlan.Request {
        let tenant = tenant(number ?? id)
        guard let execution else { return ReadPlan.Request(id: id, source: .events(of: tenant), after: after) }
        let reference = ExecutionReference(tenant: tenant, kind: .agents, name: ExecutionName(generated: execution))
        return ReadPlan.Request(id: id, source: .execution(reference), after: after)
    }

    /// `#expect` cannot evaluate a mutating call.
    private func check<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(value == expected, sourceLocation: sourceLocation)
    }
}

/// Inputs, each with the first step that follows.
extension ReadPlan {
    fileprivate mutating func afterRequest(_ request: Request) -> Action? {
        requested(request)
        return next()
    }

    fileprivate mutating func afterFilteredRead(of tenant: Tenant) -> Action? {
        filteredReadEnded(of: tenant)
        return next()
    }

    fileprivate mutating func afterLongScan() -> Action? {
        scanIsLong()
        return next()
    }

    fileprivate mutating func afterPause() -> Action? {
        pauseEnded()
        return next()
    }
}
