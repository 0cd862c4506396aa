import AccessControl
import Basics
import EventLog
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite("Following the revoked tokens", .timeLimit(.minutes(3)))
struct RevocationFollowerTests {
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private static let life: Duration = .seconds(3600)

    private static func token(_ id: String, until end: Int64 = .max) throws -> Revocation {
        Revocation(tenant: "a.b", target: .token(try TokenID(id)), expiresAt: end)
    }

    private static func user(before time: Int64, until end: Int64 = .max) -> Revocation {
        Revocation(tenant: "acme", target: .user("ann", issuedBefore: time), expiresAt: end)
    }

    @Test func aMessageIsReadBackAsTheSameRevocation() throws {
        for revocation in [try Self.token("x.y/ü *", until: 5), Self.user(before: -1, until: 7)] {
            let subject = RevocationStream.subject(of: revocation)
            #expect(subject.split(separator: ".").count == 4)
            #expect(RevocationStream.revocation(subject: subject, body: try RevocationStream.body(of: revocation)) == revocation)
        }
    }

    @Test(arguments: [
        ("revocations.acme.TOKEN.a", "{}"), ("revocations.acme.TOKEN.a", #"{"expiresAt":1,"issuedBefore":1}"#),
        ("revocations.acme.USER.a", #"{"expiresAt":1}"#), ("revocations.acme.OTHER.a", #"{"expiresAt":1}"#),
        ("revocations.acme.TOKEN.=zz", #"{"expiresAt":1}"#), ("revocations.acme.TOKEN", #"{"expiresAt":1}"#),
        ("revocations.acme.TOKEN.a", #"{"expiresAt":1,"expiresAt":2}"#), ("revocations.acme.TOKEN.a", ""),
    ])
    func whatIsNoRevocationIsSkipped(subject: String, body: String) {
        #expect(RevocationStream.revocation(subject: subject, body: Array(body.utf8)) == nil)
    }

    @Test func fuzzedMessagesAreReadBackAsTheSameRevocationOrNotAtAll() throws {
        let seeds = [
            "revocations.acme.TOKEN.a=2Eb\n{\"expiresAt\":1711981930000}",
            "revocations.a=C3=A9.USER.ann\n{\"expiresAt\":9223372036854775807,\"issuedBefore\":-1}",
        ]
        let tokens = ["revocations.", "TOKEN", "USER", "\"expiresAt\":", "\"issuedBefore\":", "=00", "=", "."]
        try Fuzzer("revocation messages", seeds: seeds, tokens: tokens).run { input in
            let end = input.firstIndex(of: 0x0A) ?? input.endIndex
            let subject = String(decoding: input[..<end], as: UTF8.self)
            guard let found = RevocationStream.revocation(subject: subject, body: Array(input[end...].dropFirst())) else { return }
            let again = RevocationStream.revocation(
                subject: RevocationStream.subject(of: found),
                body: try RevocationStream.body(of: found)
            )
            try expect(again == found, "written and read again it is another revocation")
        }
    }

    @Test func aProcessIsReadyOnceItHasReadWhatIsStoredAndThenFollows() async throws {
        let server = try await NATSServer()
        let log = try await Self.log(on: server)
        let stream = RevocationStream(beside: log, maximumTokenLife: Self.life)
        let kept = try Self.token("kept"), arrives = try Self.token("arrives"), expired = try Self.token("expired", until: 1)
        for revocation in [kept, expired] { _ = try await stream.store(revocation, within: .seconds(10)) }

        let readiness = Readiness()
        let revocations = Revocations(isRead: false)
        let ended = Mutex<[Revocation]>([])
        let follower = RevocationFollower(
            revocations,
            maximumTokenLife: Self.life,
            readiness: readiness,
            logger: Self.quiet,
            end: { revocation in ended.withLock { $0.append(revocation) } }
        )
        #expect(!readiness.report.isReady)
        let following = Task { try await follower.run(beside: log) }
        #expect(await eventually { revocations.isRead && readiness.report.isReady })
        #expect(revocations.list(of: "a.b", at: 2) == [kept])
        _ = try await stream.store(arrives, within: .seconds(10))
        #expect(await eventually { ended.withLock { $0 } == [arrives] })
        #expect(revocations.count == 2)
        let end = try await stream.followed.bounds().last
        #expect(await follower.position.wait(for: end, atMost: .seconds(60)))
        following.cancel()
        _ = await following.result
    }

    /// While the first one's connections are ended, others arrive: none of their tokens is accepted until its turn comes.
    @Test func allTokensAreRefusedBeforeTheConnectionsOfAnyAreEnded() async throws {
        let server = try await NATSServer()
        let log = try await Self.log(on: server)
        let stream = RevocationStream(beside: log, maximumTokenLife: Self.life)
        let revocations = Revocations(isRead: false)
        let ended = Mutex(0)
        let others = OneShot<Void>()
        let follower = RevocationFollower(
            revocations,
            maximumTokenLife: Self.life,
            readiness: Readiness(),
            logger: Self.quiet,
            end: { _ in
                try? await others.value()
                ended.withLock { $0 += 1 }
            }
        )
        let following = Task { try await follower.run(beside: log) }
        #expect(await eventually { revocations.isRead })
        _ = try await stream.store(try Self.token("first"), within: .seconds(10))
        for name in ["second", "third", "fourth"] { _ = try await stream.store(try Self.token(name), within: .seconds(10)) }
        #expect(await eventually { revocations.count == 4 })
        #expect(ended.withLock { $0 } == 0)
        others.settle(())
        #expect(await eventually { ended.withLock { $0 } == 4 })
        following.cancel()
        _ = await following.result
    }

    /// Else a tenant at its limit could revoke nothing more: what is refused brings no message.
    @Test func whatHasExpiredIsForgottenWhileNothingArrives() async throws {
        let server = try await NATSServer()
        let log = try await Self.log(on: server)
        let stream = RevocationStream(beside: log, maximumTokenLife: Self.life)
        _ = try await stream.store(try Self.token("a", until: 10), within: .seconds(10))
        let clock = Mutex<Int64>(0)
        let revocations = Revocations(isRead: false)
        let follower = RevocationFollower(
            revocations,
            maximumTokenLife: Self.life,
            readiness: Readiness(),
            logger: Self.quiet,
            now: { clock.withLock { $0 } }
        )
        let following = Task { try await follower.run(beside: log) }
        #expect(await eventually { revocations.isRead && revocations.count == 1 })
        clock.withLock { $0 = 120_000 }
        #expect(await eventually { revocations.count == 0 })
        following.cancel()
        _ = await following.result
    }

    @Test func revocationsOfAUserAreMergedWhoeverStoresThem() async throws {
        let server = try await NATSServer()
        let log = try await Self.log(on: server)
        let stream = RevocationStream(beside: log, maximumTokenLife: Self.life)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for time in Int64(1)...8 {
                group.addTask { _ = try await stream.store(Self.user(before: time, until: 100 - time), within: .seconds(30)) }
            }
            try await group.waitForAll()
        }
        #expect(try await stream.store(Self.user(before: 0, until: 0), within: .seconds(10)) == Self.user(before: 8, until: 99))
    }

    @Test func aStreamThatForgetsTooEarlyIsRefusedWithItsRemedy() async throws {
        let server = try await NATSServer()
        let log = try await Self.log(on: server)
        _ = try await RevocationStream(beside: log, maximumTokenLife: .seconds(600)).store(Self.user(before: 1), within: .seconds(10))
        let longer = RevocationStream(beside: log, maximumTokenLife: .seconds(1200))
        let error = await #expect(throws: EventLogError.self) { try await longer.store(Self.user(before: 2), within: .seconds(10)) }
        #expect(error?.code == .incompatibleStream && error?.message.contains("--max-age 1200s") == true)
    }

    private static func log(on server: borrowing NATSServer) async throws -> EventLog {
        let connection = try await NATSConnection.connect(NATSConfiguration(servers: [server.url], sendAsap: true), logger: quiet)
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        configuration.requestTimeout = .seconds(10)
        return try await EventLog.open(on: connection, configuration: configuration, logger: quiet)
    }
}
