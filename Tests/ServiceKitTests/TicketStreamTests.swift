import AccessControl
import Basics
import EventLog
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite("The stream of tickets", .timeLimit(.minutes(5)))
struct TicketStreamTests {
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private static let start: Int64 = 1_700_000_000_000
    private static let patience: Duration = .seconds(20)

    private final class Clock: Sendable {
        private let time = Mutex(TicketStreamTests.start)

        var now: WallClock { { self.time.withLock { $0 } } }

        func set(_ milliseconds: Int64) { time.withLock { $0 = milliseconds } }
    }

    /// A process with a separate connection, which issues and redeems tickets.
    private struct Process {
        let connection: NATSConnection
        let stream: TicketStream
        let redeemer: BusTicketRedeemer
        let clock = Clock()

        init(on server: NATSServer) async throws {
            connection = try await NATSConnection.connect(
                NATSConfiguration(
                    servers: [server.url],
                    reconnectWait: .milliseconds(20),
                    reconnectJitter: .milliseconds(1),
                    sendAsap: true
                ),
                logger: quiet
            )
            var configuration = EventLogConfiguration()
            configuration.maxBytes = 1 << 30
            configuration.requestTimeout = .seconds(10)
            stream = TicketStream(beside: try await EventLog.open(on: connection, configuration: configuration, logger: quiet))
            redeemer = BusTicketRedeemer(logger: quiet, now: clock.now)
            redeemer.begin(stream)
        }

        /// Issues a ticket at the time of the clock.
        func issue(to principal: Principal) async throws -> TicketStream.Draft {
            let draft = try TicketStream.Draft(for: principal, at: clock.now())
            try await stream.store(draft, within: patience)
            return draft
        }
    }

    private static func principal(
        _ user: String = "ann",
        tenant: String = "acme",
        tokenID: String? = nil,
        expiresAt: Int64 = start / 1000 + 3600
    ) throws -> Principal {
        Principal(
            user: try UserID(user),
            tenant: try Tenant(tenant),
            roles: [.member, .admin],
            otherRoles: ["security", "ü b"],
            expiresAt: expiresAt,
            tokenID: try tokenID.map { try TokenID($0) },
            issuedAt: start - 5,
            email: "a@b.c",
            scope: "read write"
        )
    }

    // MARK: Records

    @Test func aRecordIsReadBackWithAllRightsAndTheTokensIdentity() throws {
        let bare = Principal(user: "ü/ *", tenant: "a.b", roles: [], expiresAt: -1)
        for principal in [try Self.principal(tokenID: "x.y"), bare] {
            let record = TicketRecord(principal, expiresAt: 7)
            #expect(try TicketRecord(record.encoded()) == record)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"tenant":"acme","user":"","roles":[],"tokenExpiresAt":1,"expiresAt":1}"#,
        #"{"tenant":"acme","user":"ann","roles":[],"tokenExpiresAt":1,"expiresAt":1,"tokenID":""}"#,
        #"{"tenant":"acme","user":"ann","roles":[],"tokenExpiresAt":1,"expiresAt":1,"expiresAt":2}"#,
        #"{"tenant":"acme","user":"ann","tokenExpiresAt":1,"expiresAt":1}"#,
    ])
    func whatIsNoRecordIsNoTicket(body: String) {
        #expect(TicketRecord(Array(body.utf8)) == nil)
    }

    @Test func fuzzedRecordsAreReadBackAsTheSameOrNotAtAll() throws {
        let seeds = [
            String(decoding: try TicketRecord(Self.principal(tokenID: "a"), expiresAt: 7).encoded(), as: UTF8.self),
            #"{"tenant":"acme","user":"ann","roles":["member","x"],"tokenExpiresAt":1711981930,"expiresAt":1711981930000}"#,
        ]
        let tokens = ["\"tenant\":", "\"user\":", "\"roles\":", "\"tokenID\":", "\"expiresAt\":", "null", "[]", "\\u0000"]
        try Fuzzer("ticket records", seeds: seeds, tokens: tokens).run { input in
            guard let found = TicketRecord(input) else { return }
            try expect(TicketRecord(found.encoded()) == found, "written and read again it is another record")
        }
    }

    @Test func aTicketLivesForHalfAMinuteAndNoLongerThanItsToken() throws {
        let long = try TicketStream.Draft(for: Self.principal(), at: Self.start)
        #expect(long.expiresAt == Self.start + 30_000)
        let short = try TicketStream.Draft(for: Self.principal(expiresAt: Self.start / 1000 + 3), at: Self.start)
        #expect(short.expiresAt == Self.start + 3000)
        #expect(try TicketStream.Draft(for: Self.principal(expiresAt: .max), at: Self.start).expiresAt == Self.start + 30_000)
        #expect(long.storedBytes > 512)
    }

    // MARK: On a bus

    @Test func ofManyRacersOverTwoProcessesOneWins() async throws {
        let server = try await NATSServer()
        let edges = [try await Process(on: server), try await Process(on: server)]
        let principal = try Self.principal(tokenID: "a")
        for _ in 1...5 {
            let ticket = try await edges[0].issue(to: principal).ticket
            let outcomes = await withTaskGroup(of: TicketRedemption.self) { group in
                for racer in 0..<200 { group.addTask { await edges[racer % 2].redeemer.redeem(ticket) } }
                return await group.reduce(into: [TicketRedemption: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes == [.redeemed(principal): 1, .used: 199])
        }
        await Self.end(edges)
        withExtendedLifetime(server) {}
    }

    @Test func aTicketIsRefusedWhenItsTimeIsOver() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let first = try await edge.issue(to: Self.principal()), second = try await edge.issue(to: Self.principal())
        edge.clock.set(Self.start + 29_999)
        #expect(await edge.redeemer.redeem(first.ticket) == .redeemed(try Self.principal()))
        edge.clock.set(Self.start + 30_000)
        #expect(await edge.redeemer.redeem(second.ticket) == .expired)
        #expect(await edge.redeemer.redeem(first.ticket) == .expired)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    @Test func aGuessedTicketIsUnknownAndStoresNothing() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        #expect(await edge.redeemer.redeem(.generate()) == .unknown)
        _ = try await edge.issue(to: Self.principal())
        for _ in 1...20 { #expect(await edge.redeemer.redeem(.generate()) == .unknown) }
        let info = try await JetStream(edge.connection).streamInfo(EventLogConfiguration.ticketsName)
        #expect(info.state.messages == 1)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    /// The bus has neither the ticket nor its bytes: only its hash, and the claims of the token.
    @Test func whatIsStoredOpensNothing() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let ticket = try await edge.issue(to: Self.principal()).ticket
        #expect(await edge.redeemer.redeem(ticket) == .redeemed(try Self.principal()))
        let jetStream = JetStream(edge.connection)
        for sequence in UInt64(1)...2 {
            let message = try await jetStream.message(stream: EventLogConfiguration.ticketsName, sequence: sequence)
            #expect(message.subject.hasSuffix(ticket.digest))
            #expect(!(message.subject + String(decoding: message.payload, as: UTF8.self)).contains(ticket.text.dropFirst(4)))
        }
        let configuration = try await jetStream.streamInfo(EventLogConfiguration.ticketsName).configuration
        #expect(configuration.maxAge == TicketStream.maximumAge && configuration.maxBytes == TicketStream.maximumBytes)
        #expect(configuration.discard == .old)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    @Test func aTicketOfOneTenantGivesNoRightsInAnother() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let acme = try Self.principal(), globex = try Self.principal("bob", tenant: "globex")
        let tickets = [try await edge.issue(to: acme).ticket, try await edge.issue(to: globex).ticket]
        #expect(await edge.redeemer.redeem(tickets[1]) == .redeemed(globex))
        #expect(await edge.redeemer.redeem(tickets[0]) == .redeemed(acme))
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    @Test func aTicketOfARevokedTokenIsRefusedAndUsed() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let revocations = Revocations(isRead: true)
        let authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: "a secret of the tests, long enough for HS256"),
            revocations: revocations,
            tickets: edge.redeemer,
            logger: Self.quiet,
            now: edge.clock.now
        )
        let ticket = try await edge.issue(to: Self.principal(tokenID: "a")).ticket
        let kept = try await edge.issue(to: Self.principal(tokenID: "b")).ticket
        revocations.add(Revocation(tenant: "acme", target: .token("a"), expiresAt: .max))
        #expect(await Self.reason(ticket, at: authenticator) == .revoked)
        #expect(await Self.reason(ticket, at: authenticator) == .usedTicket)
        #expect(await Self.reason(kept, at: authenticator) == nil)
        revocations.add(Revocation(tenant: "acme", target: .user("ann", issuedBefore: Self.start), expiresAt: .max))
        #expect(await Self.reason(try await edge.issue(to: Self.principal(tokenID: "c")).ticket, at: authenticator) == .revoked)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    @Test(arguments: [true, false]) func aRestartOfTheBusKeepsWhatIsUsedAndWhatIsNot(isKilled: Bool) async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let used = try await edge.issue(to: Self.principal()).ticket, fresh = try await edge.issue(to: Self.principal()).ticket
        #expect(await edge.redeemer.redeem(used) == .redeemed(try Self.principal()))
        if isKilled { server.kill() } else { try await server.stop() }
        #expect(await eventually { edge.connection.state != .connected })
        #expect(await edge.redeemer.redeem(fresh) == .unavailable)
        try await server.start()
        #expect(await eventually { edge.connection.state == .connected })
        #expect(await edge.redeemer.redeem(used) == .used)
        // Nothing was sent while the bus was away.
        #expect(await edge.redeemer.redeem(fresh) == .redeemed(try Self.principal()))
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    @Test func beforeTheLogIsOpenEveryTicketIsUnavailable() async {
        #expect(await BusTicketRedeemer(logger: Self.quiet).redeem(.generate()) == .unavailable)
    }

    /// While the bus does not answer, redemptions wait for it; beyond their bound they do not.
    @Test func waitingRedemptionsAreBounded() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let ticket = try await edge.issue(to: Self.principal()).ticket
        server.freeze()
        let outcomes = await withTaskGroup(of: TicketRedemption.self) { group in
            for _ in 0..<BusTicketRedeemer.maximumRunning { group.addTask { await edge.redeemer.redeem(ticket) } }
            #expect(await eventually { edge.redeemer.running == BusTicketRedeemer.maximumRunning })
            #expect(await edge.redeemer.redeem(ticket) == .unavailable)
            server.thaw()
            return await group.reduce(into: [TicketRedemption: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(outcomes[.redeemed(try Self.principal())] == 1)
        #expect(edge.redeemer.running == 0)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    /// Guessed tickets reach the bus at a limited rate.
    @Test func redemptionsASecondAreBounded() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let elapsed = Mutex(Duration.zero)
        let redeemer = BusTicketRedeemer(logger: Self.quiet, steadyNow: { elapsed.withLock { $0 } })
        redeemer.begin(edge.stream)
        func redeemed(_ count: Int) async -> Int {
            var asked = 0
            for _ in 0..<count where await redeemer.redeem(.generate()) == .unknown { asked += 1 }
            return asked
        }
        #expect(await redeemed(Int(BusTicketRedeemer.burst) + 10) == Int(BusTicketRedeemer.burst))
        elapsed.withLock { $0 += .milliseconds(10) }
        #expect(await redeemed(60) == Int(BusTicketRedeemer.perSecond) / 100)
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    /// Strangers who guess leave half of the redemptions to others, and may go on while nobody needs them.
    @Test func thoseWhoGuessLeaveHalfToOthers() async throws {
        let server = try await NATSServer()
        let edge = try await Process(on: server)
        let ticket = try await edge.issue(to: Self.principal()).ticket
        let elapsed = Mutex(Duration.zero)
        let burst = 4 * GuessShares.burst
        let redeemer = BusTicketRedeemer(
            logger: Self.quiet,
            now: edge.clock.now,
            steadyNow: { elapsed.withLock { $0 } },
            burst: burst
        )
        redeemer.begin(edge.stream)
        let stranger = try #require(ClientNetwork("2001:db8::1"))
        let networks = (1...9).compactMap { ClientNetwork("192.0.2.\($0)") }
        let other = try #require(networks.first { GuessShares.index(of: $0) != GuessShares.index(of: stranger) })
        var asked = 0
        while asked <= Int(burst), await redeemer.redeem(.generate(), from: stranger) == .unknown { asked += 1 }
        #expect(asked == Int(burst / 2) + 1)
        #expect(await redeemer.redeem(ticket, from: stranger) == .unavailable)
        #expect(await redeemer.redeem(ticket, from: other) == .redeemed(try Self.principal()))
        elapsed.withLock { $0 += .seconds(1) }
        #expect(await redeemer.redeem(.generate(), from: stranger) == .unknown, "half is there again")
        await Self.end([edge])
        withExtendedLifetime(server) {}
    }

    /// Returns why a ticket is refused; nil if it is accepted.
    private static func reason(_ ticket: Ticket, at authenticator: Authenticator) async -> AuthenticationError.Reason? {
        do throws(AuthenticationError) {
            _ = try await authenticator.authenticate { () throws(AuthenticationError) in
                try Credential(authorization: [], tickets: [ticket.text])
            }
            return nil
        } catch {
            return error.reason
        }
    }

    private static func end(_ processes: [Process]) async {
        for process in processes { await process.connection.close() }
    }
}
