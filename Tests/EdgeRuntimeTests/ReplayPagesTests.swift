import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Pages of what connections have read from the log") struct ReplayPagesTests {
    private let chain = chain()
    private let budget = ByteBudget(limit: 0)

    private static func chain(_ sequence: UInt64 = 0) -> PageChain {
        PageChain(source: .events(of: "acme"), encoder: PlainEncoder(), position: ChainPosition(generation: 3, sequence: sequence))
    }

    private static func entries(_ sequences: UInt64...) throws -> [LogEntry] { try sequences.map { try Fixture.entry($0) } }

    private static func position(_ sequence: UInt64, generation: UInt32 = 3) -> ChainPosition {
        ChainPosition(generation: generation, sequence: sequence)
    }

    @Test("readers at the same position share a page while one of them holds it")
    func shared() throws {
        var pages = ReplayPages()
        let entries = try Self.entries(5, 7, 9)
        let first = pages.page(of: entries, on: chain, after: Self.position(4), epoch: Fixture.epoch, countedIn: budget)
        #expect(first.entryCount == 3 && first.byteCount == entries.reduce(0) { $0 + Fixture.text($1).utf8.count })
        let second = pages.page(of: entries, on: chain, after: Self.position(4), epoch: Fixture.epoch, countedIn: budget)
        #expect(second === first && budget.isExceeded)
        let others = ByteBudget(limit: first.footprint)
        let counted = (0..<3).map { _ in
            pages.page(of: entries, on: chain, after: Self.position(9), epoch: Fixture.epoch, countedIn: others)
        }
        #expect(counted.count == 3 && !others.isExceeded, "counted once")
    }

    @Test("what is not the same is encoded again: another position, log or chain, or an entry that was deleted meanwhile")
    func separate() throws {
        var pages = ReplayPages()
        let entries = try Self.entries(5, 7, 9)
        let first = pages.page(of: entries, on: chain, after: Self.position(4), epoch: Fixture.epoch, countedIn: budget)
        let others = [
            pages.page(of: entries, on: chain, after: Self.position(3), epoch: Fixture.epoch, countedIn: budget),
            pages.page(of: entries, on: chain, after: Self.position(4, generation: 4), epoch: Fixture.epoch, countedIn: budget),
            pages.page(of: entries, on: Self.chain(), after: Self.position(4), epoch: Fixture.epoch, countedIn: budget),
            pages.page(of: try Self.entries(5, 9), on: chain, after: Self.position(4), epoch: Fixture.epoch, countedIn: budget),
            pages.page(of: try Self.entries(5, 8, 9), on: chain, after: Self.position(4), epoch: Fixture.epoch, countedIn: budget),
        ]
        #expect(others.allSatisfy { $0 !== first })
        #expect(others.map(\.entryCount) == [3, 3, 3, 2, 3])
    }

    @Test("it holds no page itself")
    func released() throws {
        var pages = ReplayPages()
        weak var last: Page?
        for sequence in UInt64(1)...1000 {
            let page = pages.page(
                of: try Self.entries(sequence),
                on: chain,
                after: Self.position(sequence - 1),
                epoch: Fixture.epoch,
                countedIn: budget
            )
            last = page
            #expect(page.entryCount == 1)
        }
        #expect(last == nil && !budget.isExceeded)
        #expect(pages.placeCount <= 64)
    }
}
