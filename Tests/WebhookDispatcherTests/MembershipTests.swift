import Basics
import EventModel
import NATSClient
import TestKit
import Testing
import Webhooks

@testable import webhook_dispatcher

@Suite("Owners of endpoints") struct MembershipViewTests {
    private static let tenant: Tenant = "acme"
    private static let endpoints: [EndpointID] = {
        // Ids of one moment differ in their random bits alone, as those that a script registers.
        var generator = SplitMix64(seed: 17)
        return (0..<3000).map { _ in
            EndpointID("whk_\(ULID.generate(time: Timestamp(millisecondsSinceEpoch: 1_800_000_000_000), using: &generator))")!
        }
    }()

    private func view(_ members: [String]) -> MembershipView { MembershipView(of: members.map { MemberID(text: $0) }, mayStart: true) }

    private func owners(_ members: [String]) -> [String?] {
        let view = view(members)
        return Self.endpoints.map { view.owner(of: $0, in: Self.tenant)?.text }
    }

    @Test func nobodyOwnsAnythingWhileNobodyIsAlive() {
        #expect(view([]).owner(of: Self.endpoints[0], in: Self.tenant) == nil)
    }

    @Test func theOnlyMemberOwnsAll() {
        #expect(Set(owners(["a"])) == ["a"])
    }

    @Test func membersHaveLikeShares() {
        let owners = owners(["a", "b", "c"])
        for member in ["a", "b", "c"] { #expect((800...1200).contains(owners.count { $0 == member })) }
    }

    @Test func theOrderOfTheMembersSaysNothing() {
        #expect(owners(["a", "b", "c"]) == owners(["c", "a", "b"]))
        #expect(view(["a", "b"]) == view(["b", "a"]))
    }

    @Test func aMemberThatComesTakesItsShareAndMovesNothingElse() {
        for (before, after) in zip(owners(["a", "b", "c"]), owners(["a", "b", "c", "d"])) { #expect(after == before || after == "d") }
    }

    @Test func aMemberThatGoesLeavesItsShareAndMovesNothingElse() {
        for (before, after) in zip(owners(["a", "b", "c"]), owners(["a", "c"])) { #expect(after == before || before == "b") }
    }

    @Test func theOwnerIsTheSameInEveryVersion() {
        // Written down once: replicas of two versions must agree while they are replaced.
        let endpoint = EndpointID("whk_01JZZZZZZZZZZZZZZZZZZZZZZZ")!
        let owner = view(["01KA", "01KB", "01KC", "01KD"]).owner(of: endpoint, in: "acme")
        #expect(owner?.text == "01KB")
    }
}

/// A table that an expectation can mutate.
private final class Table {
    private var table = MembershipTable(me: MemberID(text: "me"))

    @discardableResult func hear(_ member: String, isLeaving: Bool = false, at now: ContinuousClock.Instant) -> Bool {
        table.received(MemberReport(MemberID(text: member), isLeaving: isLeaving), at: now)
    }
    func members(at now: ContinuousClock.Instant) -> [String] { table.view(at: now).members.map(\.text) }
    func mayStart(at now: ContinuousClock.Instant) -> Bool { table.view(at: now).mayStart }
}

@Suite("Members heard lately") struct MembershipTableTests {
    private let start = ContinuousClock.now

    @Test func aMemberIsAliveForSixSecondsAfterItsLastReport() {
        let table = Table()
        #expect(table.hear("a", at: start))
        #expect(!table.hear("a", at: start + .seconds(2)))
        #expect(table.members(at: start + .milliseconds(7999)) == ["a"])
        #expect(table.members(at: start + .seconds(8)) == [])
        // It is new again.
        #expect(table.hear("a", at: start + .seconds(9)))
    }

    @Test func aMemberThatLeavesIsGoneAtOnce() {
        let table = Table()
        table.hear("a", at: start)
        table.hear("b", at: start)
        #expect(!table.hear("a", isLeaving: true, at: start))
        #expect(!table.hear("never heard", isLeaving: true, at: start))
        #expect(table.members(at: start) == ["b"])
    }

    @Test func itStartsAfterItHasHeardItselfForAnInterval() {
        let table = Table()
        #expect(!table.mayStart(at: start))
        #expect(!table.hear("me", at: start))
        #expect(!table.mayStart(at: start + .milliseconds(1999)))
        #expect(table.mayStart(at: start + .seconds(2)))
    }

    @Test func itStopsBeforeOthersTakeOver() {
        let table = Table()
        table.hear("me", at: start)
        table.hear("me", at: start + .seconds(2))
        #expect(table.mayStart(at: start + .milliseconds(5999)))
        #expect(!table.mayStart(at: start + .seconds(6)))
        #expect(table.members(at: start + .seconds(6)) == ["me"])
        #expect(table.members(at: start + .seconds(8)) == [])
        #expect(MembershipTable.ownSilence < MembershipTable.silence)
    }

    @Test func afterABreakItListensAgainBeforeItStarts() {
        let table = Table()
        table.hear("me", at: start)
        table.hear("me", at: start + .seconds(10))
        #expect(!table.mayStart(at: start + .milliseconds(11_999)))
        table.hear("other", at: start + .milliseconds(11_500))
        #expect(table.mayStart(at: start + .seconds(12)))
        #expect(table.members(at: start + .seconds(12)) == ["me", "other"])
    }

    @Test func theTableHasABoundAndRoomForItself() {
        let table = Table()
        for number in 0..<MembershipTable.maximumMembers { table.hear("\(number)", at: start) }
        #expect(!table.hear("one more", at: start))
        table.hear("me", at: start)
        #expect(table.members(at: start).count == MembershipTable.maximumMembers + 1)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"member":"a"}"#, #"{"member":"","leaving":false}"#, #"{"member":"a","leaving":"no"}"#,
        #"{"member":"\#(String(repeating: "x", count: 65))","leaving":false}"#,
        #"{"member":"a","leaving":false,"x":"\#(String(repeating: "x", count: 1024))"}"#,
    ])
    func aMalformedReportIsIgnored(_ json: String) {
        #expect(MemberReport(json: Array(json.utf8)) == nil)
    }

    @Test func aReportSurvivesTheBus() {
        let report = MemberReport(.generate(), isLeaving: true)
        #expect(MemberReport(json: report.json) == report)
    }
}

@Suite("Membership over the bus", .timeLimit(.minutes(5))) struct MembershipTests {
    /// A process: its membership, which reports until the task is cancelled.
    private struct Process {
        let membership: Membership
        let connection: NATSConnection
        let task: Task<Void, Never>

        init(_ bench: BusBench, _ name: String, clock: ManualClock) async throws {
            connection = try await bench.connect()
            membership = try Membership(
                me: MemberID(text: name),
                connection: connection,
                interval: .milliseconds(50),
                now: { clock.now },
                logger: BusBench.logger
            )
            task = Task { [membership] in await membership.run() }
        }

        var members: [String] { membership.view.members.map(\.text) }
    }

    @Test func membersHearEachOtherAndAGoodbye() async throws {
        let bench = try await BusBench()
        let clock = ManualClock()
        let one = try await Process(bench, "one", clock: clock)
        let two = try await Process(bench, "two", clock: clock)
        #expect(await eventually { one.members == ["one", "two"] && two.members == ["one", "two"] })
        #expect(!one.membership.view.mayStart)
        clock.advance(by: .seconds(1))
        #expect(await eventually { one.membership.view.mayStart && two.membership.view.mayStart })
        two.task.cancel()
        await two.task.value
        #expect(await eventually { one.members == ["one"] })
        #expect(one.membership.view.mayStart)
        one.task.cancel()
        await one.task.value
        withExtendedLifetime((bench, one, two)) {}
    }

    @Test func aMemberThatDiesIsForgotten() async throws {
        let bench = try await BusBench()
        let clock = ManualClock()
        let one = try await Process(bench, "one", clock: clock)
        let two = try await Process(bench, "two", clock: clock)
        #expect(await eventually { one.members == ["one", "two"] })
        // Its connection is closed before its last report, as when it is killed.
        await two.connection.close()
        two.task.cancel()
        await two.task.value
        // A report that was on its way may still arrive, and is then as young as the clock says.
        #expect(
            await eventually {
                clock.advance(by: .seconds(1))
                return one.members == ["one"]
            }
        )
        one.task.cancel()
        await one.task.value
        withExtendedLifetime((bench, one, two)) {}
    }

    @Test func aMemberThatHearsNothingStartsNothing() async throws {
        let bench = try await BusBench()
        let clock = ManualClock()
        let one = try await Process(bench, "one", clock: clock)
        #expect(await eventually { one.members == ["one"] })
        clock.advance(by: .seconds(1))
        #expect(await eventually { one.membership.view.mayStart })
        bench.server.freeze()
        // A report that was on its way may still arrive.
        #expect(
            await eventually {
                clock.advance(by: .seconds(5))
                return !one.membership.view.mayStart
            }
        )
        bench.server.thaw()
        // Its first report again, and the time in which it listens.
        #expect(
            await eventually {
                clock.advance(by: .milliseconds(100))
                return one.membership.view.mayStart
            }
        )
        one.task.cancel()
        await one.task.value
        withExtendedLifetime((bench, one)) {}
    }

    @Test func changesArePassedOn() async throws {
        let bench = try await BusBench()
        let clock = ManualClock()
        let one = try await Process(bench, "one", clock: clock)
        var views = one.membership.changes().makeAsyncIterator()
        #expect(await views.next() != nil)
        let two = try await Process(bench, "two", clock: clock)
        while let view = await views.next(), view.members.count < 2 {}
        clock.advance(by: .seconds(1))
        while let view = await views.next(), !view.mayStart {}
        #expect(one.membership.view.members.count == 2)
        for process in [one, two] {
            process.task.cancel()
            await process.task.value
        }
        withExtendedLifetime((bench, one, two)) {}
    }
}
