import FoundationEssentials
import NATSClient
import TestKit
import Testing

@Suite("Who the connection is", .timeLimit(.minutes(5)))
struct AuthenticationTests {
    private static let wrongSecret = "hunter2-wrong"

    @Test("A user and a password, given or in the URL")
    func userPassword() async throws {
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        try await expectWorking(server) { $0.authentication = .userPassword(user: "edge", password: "hunter2") }
        try await expectWorking(server) { $0.servers = ["nats://edge:hunter2@127.0.0.1:\(server.port)"] }
        try await expectRefused(server) { $0.authentication = .userPassword(user: "edge", password: Self.wrongSecret) }
        try await expectRefused(server) { $0.servers = ["nats://edge:\(Self.wrongSecret)@127.0.0.1:\(server.port)"] }
        try await expectRefused(server) { _ in }
    }

    @Test("A token")
    func token() async throws {
        let server = try await NATSServer(.token("hunter2"))
        try await expectWorking(server) { $0.authentication = .token("hunter2") }
        try await expectRefused(server) { $0.authentication = .token(Self.wrongSecret) }
    }

    @Test("An NKey, whatever else its file holds")
    func nkey() async throws {
        let directory = try TemporaryDirectory()
        let server = try await NATSServer(.nkey(TestIdentity.userPublicKey))
        for (name, text) in [
            ("bare", TestIdentity.userSeed), ("lines", "# user\n  \(TestIdentity.userSeed)\n\(TestIdentity.userPublicKey)\n"),
        ] {
            let file = try directory.write(text, to: name)
            try await expectWorking(server) { $0.authentication = .nkeySeedFile(file) }
        }
        let other = try directory.write("SUAI4WLGKVEQRTAEQQGQS5NLJVMHAZB3CZE7QXTSM73LOMVHUC7PHAZHZE", to: "other")
        try await expectRefused(server) { $0.authentication = .nkeySeedFile(other) }
    }

    @Test("A credentials file")
    func credentials() async throws {
        let directory = try TemporaryDirectory()
        let server = try await NATSServer(TestIdentity.operatorMode)
        let file = try directory.write(TestIdentity.credentials, to: "user.creds")
        try await expectWorking(server) { $0.authentication = .credentialsFile(file) }
        try await expectRefused(server) { _ in }
    }

    @Test("A file that is missing or holds no seed is a configuration error that names it")
    func badFiles() async throws {
        let directory = try TemporaryDirectory()
        let empty = try directory.write("nothing here\n", to: "empty.nk")
        let carriageReturn = try directory.write("\(TestIdentity.userSeed)\r\n", to: "cr.nk")
        let missing = directory.file("missing")
        for (path, form) in [
            (empty, .nkeySeedFile(empty)), (carriageReturn, .nkeySeedFile(carriageReturn)), (missing, .nkeySeedFile(missing)),
            (missing, .credentialsFile(missing)),
        ] as [(String, NATSConfiguration.Authentication)] {
            let error = await #expect(throws: NATSError.self) { try await open(["nats://127.0.0.1:1"], form) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains(path) == true)
        }
        for servers in [[], ["nats://host:port"], ["nats://a\0b"]] {
            let error = await #expect(throws: NATSError.self) { try await open(servers, .none) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("Credentials that are refused for a while are tried until they are good again, and subscriptions carry on")
    func refusedForAWhile() async throws {
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        let nats = try await connect(server) { $0.authentication = .userPassword(user: "edge", password: "hunter2") }
        let received = Collected<[UInt8]>()
        let subscription = try nats.subscribe("a") { received.append($0.copy().payload) }
        for round in 1...2 {
            try server.reload(.user("edge", password: "other"))
            #expect(await eventually { nats.state == .reconnecting && nats.lastError?.code == .authenticationFailed })
            #expect(#expect(throws: NATSError.self) { try nats.publish(subject: "a") }?.code == .disconnected)
            #expect(await #expect(throws: NATSError.self) { try await nats.request(subject: "a") }?.code == .disconnected)
            try server.reload(.user("edge", password: "hunter2"))
            #expect(await eventually { nats.state == .connected })
            let echo = try nats.subscribe("echo") { try? nats.publish(subject: $0.reply ?? "", payload: [1]) }
            #expect(try await nats.request(subject: "echo", timeout: .seconds(30)).payload == [1])
            echo.unsubscribe()
            try nats.publish(subject: "a", payload: [UInt8(round)])
            #expect(await eventually { received.all.last == [UInt8(round)] })
        }
        #expect(received.all == [[1], [2]])
        subscription.unsubscribe()
        await nats.close()
        #expect(nats.state == .closed)
    }

    @Test("A password file, an NKey and a credentials file that are replaced are read again")
    func replacedFiles() async throws {
        let directory = try TemporaryDirectory()
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        let file = try directory.write("hunter2\n", to: "password")
        let nats = try await connect(server) { $0.authentication = .userPasswordFile(user: "edge", file: file) }
        try server.reload(.user("edge", password: "other"))
        #expect(await eventually { nats.lastError?.code == .authenticationFailed })
        // A file that is missing for a moment is no reason to give up.
        try FileManager.default.removeItem(atPath: file)
        #expect(await eventually { nats.lastError?.code == .invalidConfiguration })
        _ = try directory.write("other", to: "password")
        #expect(await eventually { nats.state == .connected })
        try await nats.flush()
        await nats.close()

        let seed = try directory.write("SUAI4WLGKVEQRTAEQQGQS5NLJVMHAZB3CZE7QXTSM73LOMVHUC7PHAZHZE", to: "seed")
        let other = try await NATSServer(.nkey(TestIdentity.userPublicKey))
        try await other.stop()
        let late = try await connect(other) { $0.authentication = .nkeySeedFile(seed) }
        try await other.start()
        #expect(await eventually { late.lastError?.code == .authenticationFailed })
        _ = try directory.write(TestIdentity.userSeed, to: "seed")
        #expect(await eventually { late.state == .connected })
        await late.close()
    }

    @Test("A reload takes replaced files for the next connection, and leaves an unusable one alone")
    func reload() async throws {
        let directory = try TemporaryDirectory()
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        let file = try directory.write("hunter2", to: "password")
        let lines = Collected<String>()
        let configuration = NATSConfiguration(
            servers: [server.url],
            authentication: .userPasswordFile(user: "edge", file: file),
            reconnectWait: .milliseconds(10)
        )
        #expect(configuration.files == [file])
        let nats = try await NATSConnection.connect(configuration, logger: logger(into: lines))
        try directory.write("", to: "password")
        let error = await #expect(throws: NATSError.self) { try await nats.reload() }
        #expect(error?.code == .invalidConfiguration && error?.message.contains(file) == true)
        try await nats.flush()

        try directory.write("other", to: "password")
        try await nats.reload()
        try await nats.flush()
        try await server.stop()
        #expect(await eventually { nats.state != .connected })
        try server.reload(.user("edge", password: "other"))
        try await server.start()
        #expect(await eventually { nats.state == .connected })
        // The former password was not tried again.
        #expect(!lines.all.contains { $0.contains("authenticationFailed") })
        await nats.close()
    }

    @Test("Credentials that are refused by a server that comes later are tried again")
    func refusedLater() async throws {
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        try await server.stop()
        let nats = try await connect(server) { $0.authentication = .userPassword(user: "edge", password: Self.wrongSecret) }
        #expect(nats.state == .connecting)
        let subscription = try nats.subscribe("a") { _ in }
        try await server.start()
        #expect(await eventually { nats.lastError?.code == .authenticationFailed })
        #expect(nats.state == .connecting)
        try server.reload(.user("edge", password: Self.wrongSecret))
        #expect(await eventually { nats.state == .connected })
        subscription.unsubscribe()
        await nats.close()
    }

    @Test("No log line shows a secret")
    func logs() async throws {
        let server = try await NATSServer(.user("edge", password: "hunter2"))
        try await server.stop()
        let lines = Collected<String>()
        let url = "nats://edge:\(Self.wrongSecret)@127.0.0.1:\(server.port)"
        let configuration = NATSConfiguration(servers: [url], reconnectWait: .milliseconds(10))
        let nats = try await NATSConnection.connect(configuration, logger: logger(into: lines))
        try await server.start()
        #expect(await eventually { nats.lastError?.code == .authenticationFailed && lines.count >= 2 })
        await nats.close()
        #expect(lines.all.contains { $0.contains("127.0.0.1:\(server.port)") && $0.contains("nats.name=causeway") })
        #expect(lines.all.allSatisfy { !$0.contains(Self.wrongSecret) })
    }

    private func open(_ servers: [String], _ authentication: NATSConfiguration.Authentication) async throws -> NATSConnection {
        try await NATSConnection.connect(NATSConfiguration(servers: servers, authentication: authentication), logger: quiet)
    }

    private func expectWorking(_ server: NATSServer, _ change: (inout NATSConfiguration) -> Void) async throws {
        let nats = try await connect(server, change)
        #expect(nats.state == .connected && nats.lastError == nil)
        let echo = try nats.subscribe("echo") { try? nats.publish(subject: $0.reply ?? "", payload: [1]) }
        #expect(try await nats.request(subject: "echo", timeout: .seconds(30)).payload == [1])
        echo.unsubscribe()
        await nats.close()
    }

    private func expectRefused(_ server: NATSServer, _ change: (inout NATSConfiguration) -> Void) async throws {
        let error = await #expect(throws: NATSError.self) { try await connect(server, change) }
        #expect(error?.code == .authenticationFailed && error?.isRetriable == false)
        #expect(error?.description.contains(Self.wrongSecret) == false)
    }
}
