import NATSClient
import TestKit
import Testing

@Suite("TLS", .timeLimit(.minutes(5)))
struct TLSTests {
    @Test("A server with a certificate of a known authority")
    func server() async throws {
        let certificates = try await TestCertificates()
        let server = try await NATSServer(
            .tls(certificateFile: certificates.serverCertificateFile, keyFile: certificates.serverKeyFile)
        )
        let nats = try await connect(server) { $0.tls = .init(caFile: certificates.caFile) }
        #expect(nats.state == .connected)
        let received = Collected<Int>()
        let subscription = try nats.subscribe("a") { received.append($0.payloadCount) }
        try nats.publish(subject: "a", payload: [UInt8](repeating: 1, count: 200_000))
        #expect(await eventually { received.all == [200_000] })
        server.kill()
        #expect(await eventually { nats.state == .reconnecting })
        try await server.start()
        #expect(await eventually { nats.state == .connected })
        try nats.publish(subject: "a", payload: [1])
        #expect(await eventually { received.all == [200_000, 1] })
        subscription.unsubscribe()
        await nats.close()
    }

    @Test("A server that asks for a client certificate")
    func clientCertificate() async throws {
        let certificates = try await TestCertificates()
        let server = try await NATSServer(
            .tls(
                certificateFile: certificates.serverCertificateFile,
                keyFile: certificates.serverKeyFile,
                verifyClientsWith: certificates.caFile
            )
        )
        let nats = try await connect(server) {
            $0.servers = ["tls://localhost:\(server.port)"]
            $0.tls = .init(
                caFile: certificates.caFile,
                certificateFile: certificates.clientCertificateFile,
                keyFile: certificates.clientKeyFile
            )
        }
        #expect(nats.state == .connected)
        let without = try await connect(server) { $0.tls = .init(caFile: certificates.caFile) }
        #expect(without.state == .connecting)
        await without.close()
        await nats.close()
    }

    @Test("A certificate of an unknown authority, or for another host, is not accepted, and the connection says so")
    func untrusted() async throws {
        let certificates = try await TestCertificates(serverNames: "DNS:elsewhere.example")
        let server = try await NATSServer(
            .tls(certificateFile: certificates.serverCertificateFile, keyFile: certificates.serverKeyFile)
        )
        let unknownAuthority = try await connect(server) { $0.tls = .init() }
        #expect(unknownAuthority.state == .connecting && unknownAuthority.lastError?.code == .tlsFailed)
        let otherHost = try await connect(server) { $0.tls = .init(caFile: certificates.caFile) }
        #expect(otherHost.state == .connecting && otherHost.lastError?.code == .tlsFailed)
        let expected = try await connect(server) { $0.tls = .init(caFile: certificates.caFile, expectedHostname: "elsewhere.example") }
        #expect(expected.state == .connected)
        for nats in [unknownAuthority, otherHost, expected] { await nats.close() }
    }

    @Test("TLS is insisted on where it is configured, and needs a configuration where the server insists")
    func mismatch() async throws {
        let certificates = try await TestCertificates()
        let plain = try await NATSServer()
        let wanting = try await connect(plain) { $0.tls = .init(caFile: certificates.caFile) }
        #expect(wanting.state == .connecting && wanting.lastError?.code == .tlsFailed)
        let encrypted = try await NATSServer(
            .tls(certificateFile: certificates.serverCertificateFile, keyFile: certificates.serverKeyFile)
        )
        let without = try await connect(encrypted)
        #expect(without.state == .connecting && without.lastError?.code == .tlsFailed)
        for nats in [wanting, without] { await nats.close() }
    }

    @Test("A server whose certificate becomes good is found, although it was turned down before")
    func certificateChanged() async throws {
        let (old, new) = (try await TestCertificates(), try await TestCertificates())
        let server = try await NATSServer(.tls(certificateFile: old.serverCertificateFile, keyFile: old.serverKeyFile))
        let nats = try await connect(server) { $0.tls = .init(caFile: new.caFile) }
        #expect(nats.state == .connecting && nats.lastError?.code == .tlsFailed)
        try server.reload(.tls(certificateFile: new.serverCertificateFile, keyFile: new.serverKeyFile))
        #expect(await eventually { nats.state == .connected })
        #expect(nats.lastError == nil)
    }

    @Test("Files that cannot be used are a configuration error that names them")
    func badFiles() async throws {
        let certificates = try await TestCertificates()
        let cases: [(NATSConfiguration.TLS, String)] = [
            (.init(caFile: "/missing/ca.pem"), "/missing/ca.pem"),
            (.init(certificateFile: certificates.clientCertificateFile, keyFile: certificates.serverKeyFile), certificates.serverKeyFile),
            (.init(certificateFile: certificates.clientCertificateFile), "key file"),
        ]
        for (tls, named) in cases {
            let configuration = NATSConfiguration(servers: ["tls://127.0.0.1:1"], tls: tls)
            let error = await #expect(throws: NATSError.self) { try await NATSConnection.connect(configuration, logger: quiet) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains(named) == true)
        }
    }
}
