import Crypto
import CryptoExtras
import Foundation
import Logging
import NIOHTTP1
import TestKit
import Testing

@testable import AccessControl

/// Keys behind a URL, against a real server on loopback.
@Suite("JWKS URL", .timeLimit(.minutes(5)))
struct KeyURLTests {
    private let keys: TestKeys
    private let clock = TestClock()
    /// Signed with the keys of ``documentA()`` and ``documentB()``; good for a thousand seconds.
    private let tokenA: String
    private let tokenB: String

    init() throws {
        keys = try TestKeys.shared.get()
        tokenA = try Self.token(kid: "a", keys) { .es256($0.p256) }
        tokenB = try Self.token(kid: "b", keys) { .es256($0.otherP256) }
    }

    // MARK: Rotation

    @Test func keysAreFetchedOnceAndThenKept() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            for _ in 1...20 { #expect(await reason(authenticator, tokenA) == nil) }
            #expect(server.requests == 1)
        }
    }

    @Test func anUnknownKeyIDFetchesTheNewKey() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .document(try documentB()))
            clock.advance(by: .seconds(10))
            #expect(await reason(authenticator, tokenB) == nil)
            #expect(server.requests == 2)
        }
    }

    /// Nothing waits for keys on a delivery loop: the token is left to a verification that may.
    @Test func nothingIsVerifiedAtOnceWhileKeysAreDue() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(authenticator.authenticateAtOnce(tokenA) != nil)
            #expect(authenticator.authenticateAtOnce(tokenB) == nil)
            clock.advance(by: .seconds(300))
            #expect(authenticator.authenticateAtOnce(tokenA) == nil)
            #expect(server.requests == 1)
            #expect(await reason(authenticator, tokenA) == nil)
            #expect(authenticator.authenticateAtOnce(tokenA) != nil)
            #expect(server.requests == 2)
        }
    }

    @Test func aRotationEndsWhatFormerKeysHaveVerified() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .document(try documentB()))
            clock.advance(by: .seconds(10))
            #expect(await reason(authenticator, tokenB) == nil)
            #expect(await reason(authenticator, tokenA) == .unknownKey)
        }
    }

    @Test func aWithdrawnKeyIsGoneAfterTheInterval() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .document(try documentB()))
            clock.advance(by: .milliseconds(299_999))
            #expect(await reason(authenticator, tokenA) == nil)
            clock.advance(by: .milliseconds(1))
            #expect(await reason(authenticator, tokenA) == .unknownKey)
            #expect(server.requests == 2)
        }
    }

    @Test func keysFromFilesStayBesideThoseOfTheURL() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            var configuration = configuration(server.url)
            configuration.hs256Secret = keys.secret
            let authenticator = try await authenticator(configuration)
            #expect(await reason(authenticator, tokenA) == nil)
            let secretly = try TokenCase(name: "").token(keys)
            #expect(await reason(authenticator, secretly) == nil)
        }
    }

    @Test func aNewKeyIsFetchedThoughANamelessOneHasTheSameAlgorithm() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("p256.pem", keys.otherP256.publicKey.pemRepresentation)
        try await KeyServer.run(.document(try JWKForge.set([JWKForge.ed25519(keys.ed25519, kid: "ed")]))) { server in
            var configuration = configuration(server.url)
            configuration.publicKeyFile = file
            let authenticator = try await authenticator(configuration)
            clock.advance(by: .seconds(10))
            server.answer(with: .document(try documentA()))
            #expect(await reason(authenticator, tokenA) == nil)
        }
    }

    // MARK: Floods

    @Test func aFloodOfUnknownKeyIDsCausesOneRequestAnInterval() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            for round in 1...3 {
                clock.advance(by: .seconds(10))
                let reasons = try await flood(authenticator, round: round)
                #expect(reasons == [.unknownKey])
                #expect(server.requests == 1 + round)
            }
            #expect(await reason(authenticator, tokenA) == nil)
        }
    }

    @Test func aFloodDuringAnOutageCausesOneRequestAnInterval() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            server.answer(with: .status(.internalServerError))
            clock.advance(by: .seconds(10))
            #expect(try await flood(authenticator, round: 1) == [.keysUnavailable])
            #expect(try await flood(authenticator, round: 2) == [.keysUnavailable])
            #expect(server.requests == 2)
        }
    }

    @Test func aSlowSearchForAnUnknownKeyDelaysNobodyElse() async throws {
        let search = try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .silence)
            clock.advance(by: .seconds(10))
            let search = Task { await reason(authenticator, tokenB) }
            #expect(await eventually { server.requests >= 2 })
            #expect(await reason(authenticator, tokenA) == nil)
            return search
        }
        #expect(await search.value == .keysUnavailable)
    }

    // MARK: Outages

    @Test func formerKeysServeWhileTheServerIsDown() async throws {
        let (authenticator, url) = try await KeyServer.run(.document(try documentA())) { server in
            (try await self.authenticator(server.url), server.url)
        }
        let error = await #expect(throws: KeyDocument.FetchError.self) { try await document(url).fetch() }
        #expect(error?.message.contains("could not be reached") == true)
        let longLived = try Self.token(kid: "a", seconds: 100_000, keys) { .es256($0.p256) }
        for _ in 1...10 {
            clock.advance(by: .seconds(300))
            #expect(await reason(authenticator, longLived) == nil)
        }
    }

    @Test(
        "An answer that is of no use changes nothing",
        arguments: [
            KeyServer.Answer.status(.internalServerError), .status(.notFound), .status(.noContent), .document(Data("<html>".utf8)),
            .document(Data()),
            .document(Data("[]".utf8)), .document(Data(#"{"keys":[]}"#.utf8)), .document(Data(#"{"keys":[{"kty":"future"},7]}"#.utf8)),
            .document(Data(count: 600 * 1024)), .redirect("/jwks.json"),
        ]
    )
    func uselessAnswer(_ answer: KeyServer.Answer) async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: answer)
            clock.advance(by: .seconds(10))
            // It is unknown whether the provider has such a key.
            #expect(await reason(authenticator, tokenB) == .keysUnavailable)
            #expect(server.requests == 2)
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .document(try documentB()))
            clock.advance(by: .seconds(10))
            #expect(await reason(authenticator, tokenB) == nil)
        }
    }

    @Test("A fetch ends whatever the server does", arguments: [KeyServer.Answer.silence, .drip])
    func slowServer(_ answer: KeyServer.Answer) async throws {
        try await KeyServer.run(answer) { server in
            var refresh = AccessControlConfiguration.KeyRefresh()
            refresh.timeout = .milliseconds(200)
            let document = try KeyDocument(url: server.url, refresh: refresh)
            let error = await #expect(throws: KeyDocument.FetchError.self) { try await document.fetch() }
            #expect(error?.message.contains("within 0.2 seconds") == true, "\(String(describing: error))")
        }
    }

    @Test func aServerThatIsDownAtTheStartIsNotFatal() async throws {
        try await KeyServer.run(.status(.serviceUnavailable)) { server in
            let authenticator = try await authenticator(server.url)
            #expect(!authenticator.hasKeys)
            #expect(authenticator.keysAbsence()?.contains(server.url) == true)
            #expect(authenticator.keysAbsence()?.contains("503") == true)
            #expect(await reason(authenticator, tokenA) == .keysUnavailable)
            server.answer(with: .document(try documentA()))
            #expect(await reason(authenticator, tokenA) == .keysUnavailable)
            clock.advance(by: .seconds(10))
            #expect(await reason(authenticator, tokenA) == nil)
            #expect(authenticator.hasKeys)
            #expect(authenticator.keysAbsence() == nil)
        }
    }

    @Test func whoeverAsksForTheAbsenceOfKeysHasThemFetched() async throws {
        try await KeyServer.run(.status(.serviceUnavailable)) { server in
            let authenticator = try await authenticator(server.url)
            server.answer(with: .document(try documentA()))
            clock.advance(by: .seconds(1))
            #expect(await eventually { authenticator.keysAbsence() == nil })
            #expect(authenticator.hasKeys)
            #expect(server.requests == 2)
        }
    }

    @Test func nobodyWaitsForAServerThatHasFailed() async throws {
        try await KeyServer.run(.document(try documentA())) { server in
            let authenticator = try await authenticator(server.url)
            server.answer(with: .status(.internalServerError))
            clock.advance(by: .seconds(300))
            #expect(await reason(authenticator, tokenA) == nil)
            server.answer(with: .silence)
            clock.advance(by: .seconds(10))
            // A caller that waited for this fetch would wait until the time limit of the tests.
            #expect(await reason(authenticator, tokenA) == nil)
        }
    }

    // MARK: What a URL may not do

    @Test func sharedSecretsFromAURLAreRefused() async throws {
        let set = try JWKForge.set([JWKForge.secret(keys.secretBytes, kid: "oct", alg: "HS256"), JWKForge.p256(keys.p256, kid: "a")])
        try await KeyServer.run(.document(set)) { server in
            let authenticator = try await authenticator(server.url)
            let named = try TokenCase(name: "", header: #"{"alg":"HS256","kid":"oct"}"#).token(keys)
            let anonymous = try TokenCase(name: "").token(keys)
            #expect(await reason(authenticator, named) == .unknownKey)
            #expect(await reason(authenticator, anonymous) == .unsupportedAlgorithm)
            #expect(await reason(authenticator, tokenA) == nil)
        }
    }

    @Test(
        "URLs that cannot be fetched are refused at the start",
        arguments: ["", "jwks.json", "ftp://id.example/jwks", "file:///etc/passwd", "https://", "https://user:secret@id.example/jwks"]
    )
    func invalidURL(_ url: String) async throws {
        let error = await #expect(throws: AccessControlError.self) { try await authenticator(url) }
        #expect(error?.message.contains("secret@") == false)
    }

    @Test func logsDoNotShowWhatIsPrivateInAURL() {
        #expect(KeyDocument.shown("https://u:p@id.example:8443/jwks?key=1#x") == "https://id.example:8443/jwks")
    }

    // MARK: Helpers

    private func configuration(_ url: String) -> AccessControlConfiguration {
        var configuration = AccessControlConfiguration()
        configuration.jwksURL = url
        // Longer than any test lasts: a busy machine is not a server that is down.
        configuration.keyRefresh.timeout = .seconds(3600)
        return configuration
    }

    private func authenticator(_ url: String) async throws -> Authenticator {
        try await authenticator(configuration(url))
    }

    private func authenticator(_ configuration: AccessControlConfiguration) async throws -> Authenticator {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return try await Authenticator(configuration: configuration, logger: logger, now: clock.now)
    }

    private func document(_ url: String) throws -> KeyDocument {
        try KeyDocument(url: url, refresh: AccessControlConfiguration.KeyRefresh())
    }

    private func documentA() throws -> Data { try JWKForge.set([JWKForge.p256(keys.p256, kid: "a")]) }
    private func documentB() throws -> Data { try JWKForge.set([JWKForge.p256(keys.otherP256, kid: "b")]) }

    private static func token(
        kid: String,
        seconds: Int64 = 1000,
        _ keys: TestKeys,
        _ signer: @escaping @Sendable (TestKeys) -> Signer
    ) throws -> String {
        let header = "{\"alg\":\"ES256\",\"kid\":\"\(kid)\"}"
        return try TokenCase(name: "", header: header, claims: ["exp": "\(TestClock.start + seconds)"], signer: signer).token(keys)
    }

    /// Why a token was refused; nil if it was not.
    private func reason(_ authenticator: Authenticator, _ token: String) async -> AuthenticationError.Reason? {
        do throws(AuthenticationError) {
            _ = try await authenticator.authenticate(token)
            return nil
        } catch {
            return error.reason
        }
    }

    /// Two hundred tokens at once, each with an unknown key.
    private func flood(_ authenticator: Authenticator, round: Int) async throws -> Set<AuthenticationError.Reason?> {
        try await withThrowingTaskGroup(of: AuthenticationError.Reason?.self) { group in
            for number in 0..<200 {
                let token = try Self.token(kid: "\(round)-\(number)", keys) { .es256($0.p256) }
                group.addTask { await reason(authenticator, token) }
            }
            return try await group.reduce(into: []) { $0.insert($1) }
        }
    }
}
