import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import jsonrpc_relay

/// A table that an expectation can mutate.
private final class Table {
    private var table = CensusTable(own: "me")

    func received(_ report: RelayReport, at now: ContinuousClock.Instant) -> Bool { table.received(report, at: now) }
    func connections(own: Int, at now: ContinuousClock.Instant) -> Int { table.connections(own: own, at: now) }
    func relays(at now: ContinuousClock.Instant) -> Int { table.relays(at: now) }
    func hears(at now: ContinuousClock.Instant) -> Bool { table.hears(at: now) }
}

@Suite struct CensusTableTests {
    private let start = ContinuousClock.now

    private func report(_ id: String, _ connections: Int, isLeaving: Bool = false) -> RelayReport {
        RelayReport(id: id, connections: connections, version: "1", region: "r", isLeaving: isLeaving)
    }

    @Test func theLatestReportOfEachCounts() {
        let table = Table()
        #expect(table.connections(own: 5, at: start) == 5)
        #expect(table.received(report("a", 10), at: start))
        #expect(table.received(report("b", 1), at: start))
        #expect(!table.received(report("a", 20), at: start))
        // The relay receives its own reports and does not count them twice.
        #expect(!table.received(report("me", 4), at: start))
        #expect(table.connections(own: 5, at: start) == 26 && table.relays(at: start) == 3)
    }

    @Test func whoIsSilentIsForgottenWithinFifteenSeconds() {
        let table = Table()
        _ = table.received(report("a", 10), at: start)
        _ = table.received(report("b", 1), at: start + .seconds(8))
        #expect(table.connections(own: 0, at: start + .milliseconds(11_999)) == 11)
        #expect(table.connections(own: 0, at: start + .seconds(12)) == 1)
        #expect(table.connections(own: 0, at: start + .seconds(20)) == 0)
        // A relay that returns counts as new.
        #expect(table.received(report("a", 3), at: start + .seconds(21)))
        #expect(CensusTable.silence < .seconds(15))
    }

    @Test func whoLeavesIsForgottenAtOnce() {
        let table = Table()
        _ = table.received(report("a", 10), at: start)
        #expect(!table.received(report("a", 0, isLeaving: true), at: start))
        #expect(!table.received(report("never seen", 0, isLeaving: true), at: start))
        #expect(table.connections(own: 2, at: start) == 2 && table.relays(at: start) == 1)
    }

    @Test func itHearsTheOthersIfItHearsItself() {
        let table = Table()
        _ = table.received(report("a", 10), at: start)
        #expect(!table.hears(at: start))
        _ = table.received(report("me", 1), at: start)
        #expect(table.hears(at: start + .seconds(11)) && !table.hears(at: start + .seconds(12)))
    }

    @Test func theTableHasABound() {
        let table = Table()
        for number in 0..<CensusTable.maximumRelays { _ = table.received(report("\(number)", 1), at: start) }
        #expect(!table.received(report("one more", 1), at: start))
        #expect(table.connections(own: 0, at: start) == CensusTable.maximumRelays)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"id":"a","connections":-1,"version":"1","region":"r","isLeaving":false}"#,
        #"{"id":"a","connections":1e30,"version":"1","region":"r","isLeaving":false}"#,
        #"{"id":"","connections":1,"version":"1","region":"r","isLeaving":false}"#,
        #"{"id":"a","connections":1,"version":"\#(String(repeating: "x", count: 5000))","region":"r","isLeaving":false}"#,
    ])
    func aReportIsNotBelievedBlindly(_ json: String) {
        #expect(RelayReport(json: bytes(json)) == nil)
    }

    @Test func aReportSurvivesTheBus() throws {
        let sent = report("a", 7)
        #expect(RelayReport(json: try sent.json()) == sent)
    }
}

@Suite struct RelayCensusTests {
    /// A relay process: its census, which reports until the task is cancelled.
    private struct Relay {
        let census: RelayCensus
        let task: Task<Void, Never>
        let connection: NATSConnection
    }

    private func relay(
        _ server: NATSServer,
        _ id: String,
        connections: Int,
        clock: ManualClock = ManualClock()
    ) async throws -> Relay {
        let connection = try await connect(server)
        let census = try RelayCensus(
            connection: connection,
            id: id,
            version: "1.2.3",
            region: "here",
            interval: .milliseconds(50),
            logger: quiet,
            now: { clock.now },
            connections: { connections }
        )
        return Relay(census: census, task: Task { await census.run() }, connection: connection)
    }

    @Test func allRelaysAreCountedAndAGoodbyeIsHeard() async throws {
        let server = try await NATSServer()
        let one = try await relay(server, "one", connections: 100)
        let two = try await relay(server, "two", connections: 42)
        #expect(await eventually { one.census.activeConnections == 142 && two.census.activeConnections == 142 })
        #expect(await eventually { one.census.health == .healthy })
        let status = one.census.status(at: Timestamp(millisecondsSinceEpoch: 0))
        let expected = RelayStatus(
            status: .healthy,
            activeConnections: 142,
            region: "here",
            version: "1.2.3",
            checkedAt: Timestamp(millisecondsSinceEpoch: 0)
        )
        #expect(status == expected)
        two.task.cancel()
        await two.task.value
        #expect(await eventually { one.census.activeConnections == 100 && one.census.relays == 1 })
        one.task.cancel()
    }

    @Test func whoDiesWithoutAWordIsForgotten() async throws {
        let server = try await NATSServer()
        let clock = ManualClock()
        let one = try await relay(server, "one", connections: 100, clock: clock)
        let two = try await relay(server, "two", connections: 42)
        #expect(await eventually { one.census.activeConnections == 142 })
        // Simulates a killed process: its connection is closed before the last report.
        await two.connection.close()
        two.task.cancel()
        await two.task.value
        #expect(one.census.activeConnections == 142)
        clock.advance(by: .seconds(14))
        #expect(one.census.activeConnections == 100)
        // It receives its own next report, and is healthy again.
        #expect(await eventually { one.census.health == .healthy })
        one.task.cancel()
    }

    @Test func withoutTheBusThereIsNoStatus() async throws {
        let server = try await NATSServer()
        let clock = ManualClock()
        let one = try await relay(server, "one", connections: 7, clock: clock)
        #expect(await eventually { one.census.health == .healthy })
        server.kill()
        #expect(await eventually { one.census.health == .unavailable })
        #expect(one.census.activeConnections == 7)
        clock.advance(by: .seconds(60))
        try await server.start()
        #expect(await eventually { one.census.health == .healthy })
        one.task.cancel()
    }

    @Test func aBusThatCarriesNothingIsSeen() async throws {
        let server = try await NATSServer()
        let clock = ManualClock()
        let one = try await relay(server, "one", connections: 7, clock: clock)
        #expect(await eventually { one.census.health == .healthy })
        server.freeze()
        // A report in flight may still arrive once.
        #expect(
            await eventually {
                clock.advance(by: .seconds(13))
                return one.census.health == .degraded
            }
        )
        server.thaw()
        #expect(await eventually { one.census.health == .healthy })
        one.task.cancel()
    }
}

/// A clock that a test moves.
private final class ManualClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    func advance(by duration: Duration) {
        instant.withLock { $0 += duration }
    }
}
