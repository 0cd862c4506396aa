import Basics
import TestKit
import Testing

@testable import Webhooks

/// TLS of receivers, and what is never connected to.
@Suite("Webhook connections", .timeLimit(.minutes(5))) struct WebhookTLSTests {
    // MARK: TLS

    @Test(
        "Names of certificates",
        arguments: [
            ("hooks.example", "hooks.example", true), ("HOOKS.example", "hooks.example", true),
            ("*.hooks.example", "a.hooks.example", true),
            ("*.hooks.example", "hooks.example", false), ("*.hooks.example", "a.b.hooks.example", false),
            ("*.example", "hooks.example", false),
            ("*", "hooks.example", false), ("*.", "hooks.example", false), ("h*.example.com", "hooks.example.com", false),
            ("*.*.example", "a.b.example", false), ("hooks.example\0.evil.example", "hooks.example", false), ("", "hooks.example", false),
            ("hooks.example.", "hooks.example", false), ("127.0.0.1", "hooks.example", false),
        ]
    )
    func certificateName(_ name: String, _ host: String, _ isCovered: Bool) { #expect(CertificateName.covers(name, host) == isCovered) }

    /// The certificate is also valid for the receiver's address, which is nothing that a host with a name could show.
    @Test func theCertificateIsVerifiedForTheHostOfTheURL() async throws {
        let certificates = try await TestCertificates(serverNames: "DNS:hooks.example,IP:127.0.0.1")
        try await Receiver.run(.answer(200), certificates: certificates) { receiver in
            let bench = try SenderBench(certificates: certificates)
            for host in ["hooks.example", "127.0.0.1"] {
                let outcome = try await bench.send(to: "https://\(host):\(receiver.port)/")
                #expect(outcome == .answered(.init(status: 200)), "\(host)")
            }
            #expect(receiver.requests.map { $0.fields["host"] } == ["hooks.example:\(receiver.port)", "127.0.0.1:\(receiver.port)"])
            #expect(try await bench.send(to: "https://other.example:\(receiver.port)/") == .failed(.untrusted))
            let stranger = try SenderBench()
            #expect(try await stranger.send(to: "https://hooks.example:\(receiver.port)/") == .failed(.untrusted))
            #expect(receiver.requests.count == 2, "an untrusted receiver gets nothing")
            // The kept connection was verified for one host and serves no other, though both have its address.
            #expect(bench.sender.idleConnectionCount == 2)
        }
    }

    @Test func aReceiverWithoutTLSIsNoAnswerToHTTPS() async throws {
        try await Receiver.run(.answer(200)) { receiver in
            let bench = try SenderBench(timeout: .seconds(5))
            let outcome = try await bench.send(to: "https://127.0.0.1:\(receiver.port)/")
            #expect(outcome == .failed(.untrusted) || outcome == .failed(.timedOut) || outcome == .failed(.cutOff))
            #expect(receiver.requests.isEmpty)
        }
    }

    @Test func aHandshakeThatHangsEndsInTime() async throws {
        // A listener that never answers a ClientHello.
        try await Receiver.run(.silence) { receiver in
            let bench = try SenderBench(timeout: .milliseconds(300))
            #expect(try await bench.send(to: "https://127.0.0.1:\(receiver.port)/") == .failed(.timedOut))
            #expect(await eventually { receiver.openCount == 0 })
        }
    }

    @Test func authoritiesThatCannotBeReadAreAnError() async throws {
        let directory = try TemporaryDirectory()
        for path in [directory.file("absent.pem"), try directory.write("no certificate", to: "text.pem")] {
            let configuration = WebhookSenderConfiguration(rules: try AddressRules(), authoritiesFile: path)
            let error = #expect(throws: WebhookSender.ConfigurationError.self) { try WebhookSender(configuration) }
            #expect(error?.message.contains(path) == true)
        }
    }

    // MARK: What is never connected to

    /// The receiver listens at every address of this machine: a connection in any of these forms would be seen.
    @Test func noFormOfAForbiddenHostIsConnectedTo() async throws {
        try await Receiver.run(.answer(200), host: "::") { receiver in
            let bench = try SenderBench(allowed: [])
            for host in WebhookURLTests.forbidden {
                for scheme in ["http", "https"] {
                    guard let url = try? WebhookURL("\(scheme)://\(host):\(receiver.port)/") else { continue }
                    let outcome = await bench.sender.send(SenderBench.message, to: url, of: "acme", signedBy: bench.secrets)
                    guard case .failed(.refused) = outcome else {
                        Issue.record("\(url): \(outcome)")
                        continue
                    }
                }
            }
            #expect(bench.dials == [])
            #expect(receiver.accepted == 0)
        }
    }

    @Test(
        "A name with a forbidden address is not connected to",
        arguments: [
            ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
            ["10.0.0.1"],
            ["169.254.169.254"], ["0.0.0.0"], ["::"], ["fe80::1"], ["2606:4700::1111", "fd00::1"],
        ]
    )
    func forbiddenName(_ addresses: [String]) async throws {
        try await Receiver.run(.answer(200), host: "::") { receiver in
            let bench = try SenderBench(allowed: [], resolver: FixedResolver(addresses))
            // As a name without an address: the owner of a name can make it an alias of one of a private network.
            #expect(try await bench.send(to: "https://hooks.example:\(receiver.port)/") == .failed(.unresolvable))
            #expect(bench.dials == [] && receiver.accepted == 0)
        }
    }

    /// The name's owner answers the check with an open address, and every later look-up with a forbidden one.
    @Test func aNameThatChangesIsConnectedToWhereItWasChecked() async throws {
        let certificates = try await TestCertificates(serverNames: "DNS:hooks.example")
        try await Receiver.run(.answer(200), certificates: certificates) { open in
            try await Receiver.run(.answer(200), host: "127.0.0.2", port: open.port, certificates: certificates) { forbidden in
                let resolver = FixedResolver(["127.0.0.1"], ["127.0.0.2"])
                let bench = try SenderBench(resolver: resolver, certificates: certificates)
                let url = "https://hooks.example:\(open.port)/"
                #expect(try await bench.send(to: url) == .answered(.init(status: 200)))
                #expect(resolver.lookUps.count == 1)
                // The kept connection leads to an address that the name no longer has: the attempt is refused, not sent there.
                #expect(bench.sender.idleConnectionCount == 1)
                #expect(try await bench.send(to: url) == .failed(.unresolvable))
                #expect(bench.dials == ["127.0.0.1:\(open.port)"])
                #expect(open.requests.count == 1 && forbidden.accepted == 0)
            }
        }
    }

    @Test func aRedirectIsNotFollowed() async throws {
        try await Receiver.run(.answer(200), host: "127.0.0.2") { forbidden in
            for status in [301, 302, 303, 307, 308] {
                try await Receiver.run(.answer(status, "location: http://127.0.0.2:\(forbidden.port)/\r\n")) { receiver in
                    let bench = try SenderBench(allowed: ["127.0.0.0/8"])
                    #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(.init(status: status)))
                    #expect(bench.dials == ["127.0.0.1:\(receiver.port)"])
                }
            }
            #expect(forbidden.accepted == 0)
        }
    }

    /// The same as for an absent name: the owner of a name learns nothing about where it leads.
    @Test func plainTextOutsideOfTheAllowedNetworksIsNotSent() async throws {
        let bench = try SenderBench(resolver: FixedResolver(["8.8.8.8"]))
        #expect(try await bench.send(to: "http://hooks.example/") == .failed(.unresolvable))
        #expect(bench.dials == [])
    }
}
