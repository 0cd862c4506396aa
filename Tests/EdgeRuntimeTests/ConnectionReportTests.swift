import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Reports of connections", .timeLimit(.minutes(3)))
struct ConnectionReportTests {
    private static let all = ConnectionQuery(limit: 1000)

    private func open(_ bench: HubBench, _ query: ConnectionQuery = all) async -> [ConnectionReport] {
        await bench.hub.reports(query, from: 0).reports
    }

    private func closed(_ bench: HubBench, _ query: ConnectionQuery = all) async -> [ConnectionReport] {
        await bench.hub.closedReports(query).reports
    }

    @Test("an open connection is reported with where it began and how far it is")
    func openConnection() async throws {
        let bench = try HubBench()
        for sequence in UInt64(1)...3 { bench.append(try Fixture.entry(sequence)) }
        let client = try await bench.connect(start: HubBench.after(1), filter: "incident.*,a.b")
        bench.append(try Fixture.entry(4, type: "c.d"))
        let last = Fixture.text(bench.append(try Fixture.entry(5)))
        _ = await client.read { $0.hasSuffix(last) }
        #expect(await eventually { await self.open(bench).first?.position.sequence == 5 })
        let report = try #require(await self.open(bench).first)
        #expect(report.id == "0-0-0" && report.surface == "plain" && report.requestID == "r" && report.end == nil)
        #expect(report.source == .events(of: "acme") && report.user == "ann" && report.filter?.patterns == ["a.b", "incident.*"])
        #expect(report.start.sequence == 1 && report.lag == 0 && report.deliveries == 3 && report.subscriptions == nil)
        #expect(report.since <= Timestamp(millisecondsSinceEpoch: 1_000_000) && report.bytes > 0 && report.unacknowledged != nil)
        withExtendedLifetime(client) {}
    }

    @Test("what a slow client has not taken is its lag, whether it is in the pages or in the tail")
    func lag() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        let payload = #"{"incidentId":"a","pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        for sequence in UInt64(1)...60 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        let report = try #require(await self.open(bench).first)
        #expect(report.position.sequence < 60 && report.lag == 60 - Int(report.position.sequence))
        #expect(report.unacknowledged ?? 0 > 0)
        withExtendedLifetime(client) {}
    }

    @Test("a report is of the tenant and the user that are asked for, and a refused connection is in none")
    func selection() async throws {
        let bench = try HubBench()
        let clients = [
            try await bench.connect(user: "ann"), try await bench.connect(user: "bob"),
            try await bench.connect(tenant: "globex", user: "ann"),
            try await bench.connect(user: "eve", refusal: .limit),
        ]
        func users(_ tenant: Tenant?, _ user: UserID?) async -> [String] {
            await self.open(bench, ConnectionQuery(tenant: tenant, user: user, limit: 10)).map {
                "\($0.source.tenant)/\($0.user?.text ?? "")"
            }
        }
        #expect(await users(nil, nil) == ["acme/ann", "acme/bob", "globex/ann"])
        #expect(await users("acme", nil) == ["acme/ann", "acme/bob"])
        #expect(await users(nil, "ann") == ["acme/ann", "globex/ann"])
        #expect(await users("globex", "bob") == [])
        withExtendedLifetime(clients) {}
    }

    @Test("a page that is cut goes on with the first connection that was dropped, and knows since when none that ended is missing")
    func cut() async throws {
        let bench = try HubBench()
        var clients: [SocketPair] = []
        for number in 0..<3 { clients.append(try await bench.connect(user: "usr_\(number)")) }
        var page = ConnectionPage(open: await open(bench), closedSince: Timestamp(millisecondsSinceEpoch: 0))
        page.closed = page.open.enumerated().map { index, report in
            var report = report
            report.end = .init(time: Timestamp(millisecondsSinceEpoch: Int64(300 - 100 * index)), cause: "stalled")
            return report
        }
        var whole = page
        whole.keep(open: 3, closed: 3)
        #expect(whole.open.count == 3 && whole.next == nil && whole.closed.count == 3 && whole.closedSince?.millisecondsSinceEpoch == 0)
        page.keep(open: 1, closed: 2)
        #expect(page.open.map(\.user) == ["usr_0"] && page.next.map { "\($0)" } == "0-1")
        #expect(page.closed.map(\.user) == ["usr_0", "usr_1"] && page.closedSince?.millisecondsSinceEpoch == 100)
        withExtendedLifetime(clients) {}
    }

    @Test("pages have every connection once, also beyond what is reported before others are served")
    func pages() async throws {
        let bench = try HubBench()
        var clients: [SocketPair] = []
        for number in 0..<150 { clients.append(try await bench.connect(user: "usr_\(number)")) }
        for limit in [1, 7, 64, 65, 149, 150, 1000] {
            var users: [String] = []
            var slot: Int? = 0
            while let from = slot {
                let page = await bench.hub.reports(ConnectionQuery(limit: limit), from: from)
                #expect(page.reports.count <= limit)
                users += page.reports.compactMap { $0.user?.text }
                slot = page.next
            }
            #expect(users == (0..<150).map { "usr_\($0)" }, "limit \(limit)")
        }
        withExtendedLifetime(clients) {}
    }

    @Test("a closed connection is remembered with its end")
    func closedConnection() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        let text = Fixture.text(bench.append(try Fixture.entry(1)))
        _ = await client.read { $0.hasSuffix(text) }
        client.hangUp()
        #expect(await eventually { await self.closed(bench).count == 1 })
        let report = try #require(await self.closed(bench).first)
        #expect(report.end?.time == Timestamp(millisecondsSinceEpoch: 1_000_000) && report.end?.cause.isEmpty == false)
        #expect(report.position.sequence == 1 && report.unacknowledged == nil && report.address == nil)
        #expect(await self.closed(bench, ConnectionQuery(user: "bob", limit: 10)).isEmpty)
        #expect(await self.open(bench).isEmpty)
    }

    // MARK: What is remembered

    /// A connection of a tenant that was closed at a second.
    private static func report(_ tenant: Tenant, _ second: Int64) -> ConnectionReport {
        let place = Cursor(time: self.at(0), epoch: 7, sequence: 1)
        return ConnectionReport(
            id: "0-\(second)-0",
            surface: "plain",
            source: .events(of: tenant),
            user: "ann",
            requestID: "r",
            since: self.at(0),
            start: place,
            position: place,
            bytes: 0,
            deliveries: 0,
            end: ConnectionReport.End(time: self.at(second), cause: "peer_closed")
        )
    }

    private static func at(_ second: Int64) -> Timestamp { Timestamp(millisecondsSinceEpoch: second * 1000) }

    @Test("a tenant whose connections end all the time displaces its own only")
    func share() {
        var memory = ClosedConnections(limit: 10, start: Self.at(0))
        memory.append(Self.report("quiet", 1))
        for second in Int64(2)...100 { memory.append(Self.report("noisy", second)) }
        let quiet = memory.matching(ConnectionQuery(tenant: "quiet", limit: 100))
        #expect(quiet.reports.map(\.id) == ["0-1-0"] && quiet.since == Self.at(0))
        let noisy = memory.matching(ConnectionQuery(tenant: "noisy", limit: 100))
        #expect(noisy.reports.map(\.id) == (Int64(92)...100).reversed().map { "0-\($0)-0" } && noisy.since == Self.at(91))
        #expect(memory.matching(ConnectionQuery(limit: 100)).reports.count == 10)
    }

    @Test("more tenants than connections are remembered are forgotten with the time since which all are known")
    func manyTenants() throws {
        var memory = ClosedConnections(limit: 3, start: Self.at(0))
        for second in Int64(1)...9 { memory.append(Self.report(try Tenant("t\(second)"), second)) }
        let all = memory.matching(ConnectionQuery(limit: 100))
        #expect(all.reports.count == 3 && all.since >= Self.at(6))
        #expect(memory.matching(ConnectionQuery(tenant: "unknown", limit: 100)).since == all.since)
    }

    @Test("a limit keeps those that were closed last, and says since when they are all")
    func limit() {
        var memory = ClosedConnections(limit: 10, start: Self.at(0))
        for second in Int64(1)...5 { memory.append(Self.report("acme", second)) }
        let last = memory.matching(ConnectionQuery(tenant: "acme", limit: 2))
        #expect(last.reports.map(\.id) == ["0-5-0", "0-4-0"] && last.since == Self.at(3))
    }

    @Test("a place is read back, and nothing else is one")
    func place() {
        #expect(ConnectionQuery.Place("3-70000").map { "\($0)" } == "3-70000")
        for text in ["", "1", "-1-2", "1-", "1-2-3", "65536-0", "0-4294967296", "a-b"] { #expect(ConnectionQuery.Place(text) == nil) }
    }
}
