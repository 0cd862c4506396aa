import Basics
import Foundation
import Logging
import TestKit
import Testing

@testable import AccessControl

@Suite("Revocations")
struct RevocationTests {
    private let clock = TestClock()

    private func principal(
        _ user: String = "ann",
        tenant: String = "acme",
        tokenID: String? = nil,
        issuedAt: Int64? = nil
    ) throws -> Principal {
        Principal(
            user: try UserID(user),
            tenant: try Tenant(tenant),
            roles: [],
            expiresAt: 10,
            tokenID: try tokenID.map { try TokenID($0) },
            issuedAt: issuedAt
        )
    }

    private func token(_ id: String, until end: Int64 = 1000, tenant: String = "acme") throws -> Revocation {
        Revocation(tenant: try Tenant(tenant), target: .token(try TokenID(id)), expiresAt: end)
    }

    private func user(_ name: String, before time: Int64, until end: Int64 = 1000) throws -> Revocation {
        Revocation(tenant: Tenant("acme"), target: .user(try UserID(name), issuedBefore: time), expiresAt: end)
    }

    @Test func aTokenIDConcernsItsTokenInItsTenantUntilItsEnd() throws {
        let revocations = Revocations(isRead: true)
        #expect(!revocations.concern(try principal(tokenID: "a"), at: 0))
        #expect(!revocations.hasEntry(for: try token("a")))
        #expect(revocations.add(try token("a")))
        #expect(revocations.hasEntry(for: try token("a", until: 7)))
        #expect(!revocations.hasEntry(for: try user("a", before: 1)))
        #expect(revocations.concern(try principal(tokenID: "a"), at: 999))
        #expect(!revocations.concern(try principal(tokenID: "a"), at: 1000))
        for other in [try principal(tokenID: "b"), try principal(), try principal(tenant: "globex", tokenID: "a")] {
            #expect(!revocations.concern(other, at: 0))
        }
    }

    @Test func whatChangesNothingIsCovered() throws {
        let revocations = Revocations(isRead: true)
        let known = [try token("a"), try user("ann", before: 500)]
        for revocation in known {
            #expect(!revocations.cover(revocation))
            revocations.add(revocation)
            #expect(revocations.cover(revocation))
        }
        let others = [
            try token("a", until: 999), try token("a", until: 1001), try token("b"), try token("a", tenant: "globex"),
            try user("ann", before: 499), try user("ann", before: 501), try user("ann", before: 500, until: 1001),
            try user("bob", before: 1),
        ]
        for other in others {
            let isCovered = revocations.cover(other)
            let copy = Revocations(isRead: true)
            for revocation in known { copy.add(revocation) }
            #expect(copy.add(other) != isCovered, "\(other)")
        }
    }

    @Test func aUserIsConcernedByTheTimeOfIssue() throws {
        let revocations = Revocations(isRead: true)
        revocations.add(try user("ann", before: 500))
        for (issuedAt, isConcerned) in [(nil, true), (-1, true), (499, true), (500, false), (501, false)] as [(Int64?, Bool)] {
            #expect(revocations.concern(try principal(issuedAt: issuedAt), at: 0) == isConcerned)
            #expect(!revocations.concern(try principal("bob", issuedAt: issuedAt), at: 0))
        }
        // An earlier time takes nothing back.
        #expect(!revocations.add(try user("ann", before: 400)))
        #expect(revocations.concern(try principal(issuedAt: 450), at: 0))
        #expect(revocations.add(try user("ann", before: 600)))
        #expect(revocations.concern(try principal(issuedAt: 599), at: 0))
        #expect(revocations.count == 1 && revocations.seen == 2)
    }

    /// Pages have every entry once, in the order of kind and bytes.
    @Test func aPageBeginsBehindAPlace() throws {
        let revocations = Revocations(isRead: true)
        for index in (0..<30).shuffled() {
            revocations.add(try token("t\(index)", until: 9))
            revocations.add(try user("u\(index)", before: 5, until: index == 7 ? 1 : 9))
        }
        revocations.add(try token("x", until: 9, tenant: "globex"))
        var cursors: [String] = []
        var place: RevocationPlace?
        while true {
            let page = revocations.list(of: Tenant("acme"), behind: place, limit: 7, at: 1)
            guard let last = page.last else { break }
            #expect(page.count <= 7)
            cursors += page.map { RevocationPlace($0).cursor }
            place = RevocationPlace(cursor: RevocationPlace(last).cursor)
        }
        let names = (0..<30).map(String.init).sorted()
        #expect(cursors == names.map { "jti:t\($0)" } + names.filter { $0 != "7" }.map { "sub:u\($0)" })
        let accent = RevocationPlace(try user("\u{301}x", before: 1, until: 2))
        #expect(RevocationPlace(cursor: accent.cursor) == accent)
        for text in ["", "t1", "jti:", "sub:", "JTI:t1", "jti:a\u{0}"] { #expect(RevocationPlace(cursor: text) == nil) }
    }

    @Test func whatHasExpiredIsForgotten() throws {
        let revocations = Revocations(isRead: true)
        for index in 0..<100 { revocations.add(try token("t\(index)", until: Int64(index) + 1)) }
        revocations.add(try user("ann", before: 5, until: 50))
        revocations.add(try token("x", until: 7, tenant: "globex"))
        #expect(revocations.count == 102 && revocations.count(of: Tenant("acme")) == 101)
        revocations.removeExpired(at: 50)
        #expect(revocations.count == 50)
        #expect(revocations.list(of: Tenant("acme"), at: 60).count == 40)
        #expect(revocations.list(of: Tenant("globex"), at: 0).isEmpty)
        revocations.removeExpired(at: 1000)
        #expect(revocations.count == 0)
    }

    @Test func aMarkIsFoundByTheRevocationsOfItsToken() throws {
        let marked = try principal(tokenID: "a", issuedAt: 499)
        #expect(MemoryLayout<TokenMark>.size == 16)
        #expect(try token("a").concerns(marked.user, marked.mark) && user("ann", before: 500).concerns(marked.user, marked.mark))
        #expect(try !token("b").concerns(marked.user, marked.mark) && !user("ann", before: 499).concerns(marked.user, marked.mark))
        #expect(try !token("a").concerns(marked.user, principal().mark) && user("ann", before: 0).concerns(marked.user, principal().mark))
    }

    @Test func noRevocationConcernsAConnectionWithoutAToken() throws {
        for revocation in [try token("a"), try user("ann", before: .max)] { #expect(!revocation.concerns("ann", .ofNoToken)) }
    }

    @Test func anExpiryBeyondTimestampsIsTheLast() {
        func expiry(_ seconds: Int64) -> Int64 {
            Principal(user: "ann", tenant: "acme", roles: [], expiresAt: seconds).expiry.millisecondsSinceEpoch
        }
        #expect(expiry(1) == 1000 && expiry(-1) == -1000 && expiry(.max) == .max && expiry(.min) == .min)
    }

    @Test func mergedRevocationsConcernTheTokensOfBoth() throws {
        let merged = try user("ann", before: 500, until: 10).merged(with: user("ann", before: 400, until: 20))
        #expect(try merged == user("ann", before: 500, until: 20))
        #expect(try token("a", until: 5).merged(with: token("a", until: 4)) == token("a", until: 5))
    }

    /// Both doors of the authenticator, for a token that it has cached and for one that it has not.
    @Test(arguments: [0, 8192]) func aRevokedTokenIsRefusedAtBothDoors(cacheCapacity: Int) async throws {
        let revocations = Revocations(isRead: true)
        let authenticator = try await authenticator(revocations, cacheCapacity: cacheCapacity)
        let revoked = try mint(tokenID: "a"), other = try mint(tokenID: "b")
        for token in [revoked, other] {
            #expect(authenticator.authenticateAtOnce(token) != nil)
            _ = try await authenticator.authenticate(token)
        }
        revocations.add(Revocation(tenant: Tenant("acme"), target: .token(TokenID("a")), expiresAt: .max))
        for _ in 1...2 {
            #expect(authenticator.authenticateAtOnce(revoked) == nil)
            let error = await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(revoked) }
            #expect(error?.reason == .revoked && error?.isRetriable == false)
        }
        #expect(authenticator.authenticateAtOnce(other)?.tokenID?.text == "b")
        #expect(try await authenticator.authenticate(other).issuedAt == TestClock.start * 1000)
        #expect(authenticator.refusalsByReason == [.revoked: 2])
    }

    @Test func beforeTheRevocationsAreReadAValidTokenIsToBeTriedAgain() async throws {
        let revocations = Revocations(isRead: false)
        let authenticator = try await authenticator(revocations)
        let token = try mint(tokenID: "a")
        let early = await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token) }
        #expect(early?.reason == .revocationsUnread && early?.isRetriable == true)
        #expect(authenticator.authenticateAtOnce(token) == nil)
        let invalid = await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token + "x") }
        #expect(invalid?.isRetriable == false)
        revocations.markRead()
        _ = try await authenticator.authenticate(token)
        #expect(authenticator.authenticateAtOnce(token) != nil)
    }

    @Test func anEdgeAcceptsTokensBeforeItHasReadTheRevocationsExceptRevokedOnes() async throws {
        let revocations = Revocations(isRead: false)
        let authenticator = try await authenticator(revocations, refusesUntilRead: false)
        _ = try await authenticator.authenticate(try mint(tokenID: "a"))
        revocations.add(Revocation(tenant: Tenant("acme"), target: .token(TokenID("a")), expiresAt: .max))
        await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(try mint(tokenID: "a")) }
    }

    @Test func aRefusalIsCountedByReasonWithoutATokenToo() async throws {
        let authenticator = try await authenticator(Revocations(isRead: true))
        await #expect(throws: AuthenticationError.self) {
            try await authenticator.authenticate { () throws(AuthenticationError) in try Credential(authorization: []) }
        }
        await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate("x") }
        #expect(authenticator.refusalsByReason == [.missing: 1, .malformed: 1])
    }

    private func authenticator(
        _ revocations: Revocations,
        refusesUntilRead: Bool = true,
        cacheCapacity: Int = 8192
    ) async throws -> Authenticator {
        var configuration = AccessControlConfiguration(hs256Secret: "a secret of the tests, long enough for HS256")
        configuration.cacheCapacity = cacheCapacity
        return try await Authenticator(
            configuration: configuration,
            revocations: revocations,
            refusesUntilRead: refusesUntilRead,
            logger: Logger(label: "test"),
            now: clock.now
        )
    }

    private func mint(tokenID: String) throws -> String {
        var claims = TokenMinter.Claims(subject: "ann", tenant: "acme", expiresAt: TestClock.start + 60)
        claims.tokenID = tokenID
        claims.issuedAt = TestClock.start
        return try TokenMinter(secret: "a secret of the tests, long enough for HS256").mint(claims)
    }
}
