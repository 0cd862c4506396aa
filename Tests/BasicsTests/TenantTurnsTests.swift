import Basics
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct TenantTurnsTests {
    private final class Record: Sendable {
        let order = Mutex<[Int]>([])
    }

    @Test func furtherOperationsOfATenantWaitInOrder() async throws {
        let turns = TenantTurns(limit: 1)
        let acme = Tenant("acme")
        let begun = OneShot<Void>()
        let ended = OneShot<Void>()
        let record = Record()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await turns.run(for: acme) {
                    begun.settle(())
                    try? await ended.value()
                }
            }
            try await begun.value()
            for number in 0..<3 {
                group.addTask { await turns.run(for: acme) { record.order.withLock { $0.append(number) } } }
                #expect(await eventually { turns.waitingCount == number + 1 })
            }
            await turns.run(for: Tenant("globex")) {}
            #expect(record.order.withLock { $0 } == [], "those of another tenant do not wait behind them")
            ended.settle(())
            try await group.waitForAll()
        }
        #expect(record.order.withLock { $0 } == [0, 1, 2])
        #expect(turns.waitingCount == 0)
    }

    @Test func anErrorEndsATurn() async throws {
        let turns = TenantTurns(limit: 1)
        let acme = Tenant("acme")
        for _ in 0..<3 {
            await #expect(throws: WaitError.cancelled) { try await turns.run(for: acme) { () throws(WaitError) in throw .cancelled } }
        }
    }
}
