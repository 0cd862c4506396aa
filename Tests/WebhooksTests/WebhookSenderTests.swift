import Basics
import Dispatch
import EventModel
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import TestKit
import Testing

@testable import Webhooks

/// Attempts against a real receiver on loopback.
@Suite("Webhook sender", .timeLimit(.minutes(5))) struct WebhookSenderTests {
    // MARK: What is sent

    @Test func theReceiverGetsASignedMessage() async throws {
        try await Receiver.run(.answer(204)) { receiver in
            let bench = try SenderBench()
            let outcome = try await bench.send(to: "http://127.0.0.1:\(receiver.port)/a/b?c=%20d")
            #expect(outcome == .answered(.init(status: 204)))
            let request = try #require(receiver.requests.first)
            #expect(request.line == "POST /a/b?c=%20d HTTP/1.1")
            #expect(request.body == SenderBench.message.body)
            var fields = request.fields
            #expect(fields.removeValue(forKey: "host") == "127.0.0.1:\(receiver.port)")
            #expect(fields.removeValue(forKey: "user-agent") == "Causeway-Webhooks/1.0")
            #expect(fields.removeValue(forKey: "content-length") == "\(SenderBench.message.body.count)")
            let signed = SenderBench.message.fields(signedBy: bench.secrets, at: SenderBench.time)
            #expect(fields == Dictionary(uniqueKeysWithValues: signed.map { ($0.name, $0.value) }))
        }
    }

    @Test func aLargeMessageArrivesWhole() async throws {
        let data = #"{"a":"\#(String(repeating: "x", count: Payload.maximumBytes - 8))"}"#
        let message = SignedMessage(
            id: Cursor(time: SenderBench.time, epoch: 1, sequence: 2),
            type: EventType(generated: "incident.opened"),
            time: SenderBench.time,
            data: Array(data.utf8)
        )
        try await Receiver.run(.answer(200)) { receiver in
            let bench = try SenderBench()
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/", message: message) == .answered(.init(status: 200)))
            #expect(receiver.requests.first?.body == message.body)
        }
    }

    @Test(
        "Answers are told as they are",
        arguments: [
            (Receiver.Behaviour.answer(200, body: "ok"), AttemptOutcome.Answer(status: 200, excerpt: "ok")),
            (.answer(500, body: "a\r\n\t\u{1}\u{7F}\u{85}é"), .init(status: 500, excerpt: "a\u{FFFD}\n\t\u{FFFD}\u{FFFD}\u{FFFD}é")),
            (.answer(410), .init(status: 410)), (.answer(302, "location: http://127.0.0.2/\r\n"), .init(status: 302)),
            (.answer(429, "retry-after: 7\r\n"), .init(status: 429, retryAfter: .seconds(7))),
            (.answer(503, "Retry-After: Fri, 15 Jan 2027 08:01:00 GMT\r\n"), .init(status: 503, retryAfter: .seconds(60))),
            (.answer(500, "retry-after: 7\r\n"), .init(status: 500)), (.answer(429, "retry-after: soon\r\n"), .init(status: 429)),
            (.answer(200, body: String(repeating: "y", count: 5000)), .init(status: 200, excerpt: String(repeating: "y", count: 1024))),
            (
                .bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 C\r\ncontent-length: 0\r\n\r\n"),
                .init(status: 201)
            ),
            (
                .bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"),
                .init(status: 200, excerpt: "abc")
            ),
            (.bytesThenClose("HTTP/1.1 200 OK\r\n\r\nuntil the end"), .init(status: 200, excerpt: "until the end")),
            (.bytesThenClose("HTTP/1.0 202 OK\r\n\r\n"), .init(status: 202)),
        ]
    )
    func answers(_ behaviour: Receiver.Behaviour, _ answer: AttemptOutcome.Answer) async throws {
        try await Receiver.run(behaviour) { receiver in
            let bench = try SenderBench()
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(answer))
            #expect(receiver.requests.count == 1 && bench.dials.count == 1, "nothing was followed or repeated")
            #expect(bench.sender.attemptCount == 0)
        }
    }

    // MARK: What a receiver may do

    /// The status counts, however much follows; no more than the bound is read.
    @Test(
        "Answers that are too long are cut",
        arguments: [
            Receiver.Behaviour.endless("HTTP/1.1 200 OK\r\n\r\n", "x"),
            .endless("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", "x"),
            .endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ]
    )
    func endlessBody(_ behaviour: Receiver.Behaviour) async throws {
        try await Receiver.run(behaviour) { receiver in
            let bench = try SenderBench()
            let outcome = try await bench.send(to: "http://127.0.0.1:\(receiver.port)/")
            #expect(outcome == .answered(.init(status: 200, excerpt: String(repeating: "x", count: 1024))))
            #expect(await eventually { receiver.openCount == 0 })
            #expect(bench.sender.idleConnectionCount == 0)
        }
    }

    @Test(
        "What is not an answer",
        arguments: [
            (Receiver.Behaviour.bytesThenClose(""), AttemptOutcome.Failure.cutOff), (.reset, .cutOff),
            (.bytesThenClose("HTTP/1.1 200 OK\r\n"), .cutOff), (.bytesThenClose("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"), .cutOff),
            (.bytes("SSH-2.0-OpenSSH_9.6\r\n"), .malformed), (.drip(""), .malformed),
            (.bytes("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), .malformed),
            (.bytes("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"), .malformed),
            (.endless("HTTP/1.1 200 OK\r\n", "x: y\r\n"), .malformed), (.endless("", "HTTP/1.1 100 Continue\r\n\r\n"), .malformed),
            (.endless("HTTP/1.1 200 OK\r\nx: ", "y"), .malformed),
        ]
    )
    func noAnswer(_ behaviour: Receiver.Behaviour, _ failure: AttemptOutcome.Failure) async throws {
        try await Receiver.run(behaviour) { receiver in
            let bench = try SenderBench()
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .failed(failure))
            #expect(await eventually { receiver.openCount == 0 })
            #expect(bench.sender.attemptCount == 0 && bench.sender.idleConnectionCount == 0)
        }
    }

    @Test(
        "An attempt ends whatever the receiver does",
        arguments: [
            Receiver.Behaviour.silence, .drip("HTTP/1.1 200 OK\r\nx:"), .drip("HTTP/1.1 200 OK\r\n\r\n"),
            .drip("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"), .bytes("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"),
        ]
    )
    func slowReceiver(_ behaviour: Receiver.Behaviour) async throws {
        try await Receiver.run(behaviour) { receiver in
            let bench = try SenderBench(timeout: .milliseconds(300))
            let begun = ContinuousClock.now
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .failed(.timedOut))
            #expect(ContinuousClock.now - begun < .seconds(20))
            #expect(await eventually { receiver.openCount == 0 })
        }
    }

    @Test func aHostThatIsDownIsUnreachable() async throws {
        let port = try await Receiver.run(.silence) { $0.port }
        let bench = try SenderBench()
        #expect(try await bench.send(to: "http://127.0.0.1:\(port)/") == .failed(.unreachable))
    }

    @Test func theNextAddressIsTriedWhenOneIsDown() async throws {
        try await Receiver.run(.answer(200)) { receiver in
            let resolver = FixedResolver(["127.0.0.9", "127.0.0.1"])
            let bench = try SenderBench(allowed: ["127.0.0.0/8"], resolver: resolver)
            #expect(try await bench.send(to: "http://hooks.example:\(receiver.port)/") == .answered(.init(status: 200)))
            #expect(bench.dials == ["127.0.0.9:\(receiver.port)", "127.0.0.1:\(receiver.port)"])
            #expect(receiver.requests.first?.fields["host"] == "hooks.example:\(receiver.port)")
        }
    }

    /// It is no fault of the receiver's, whose retries it must not use up.
    @Test(arguments: [EMFILE, ENFILE, EADDRNOTAVAIL]) func aProcessWithoutSocketsPostpones(_ code: CInt) async throws {
        let bench = try SenderBench(dial: { _, _ in
            MultiThreadedEventLoopGroup.singleton.next().makeFailedFuture(IOError(errnoCode: code, reason: "socket"))
        })
        #expect(try await bench.send(to: "http://127.0.0.1:8080/") == .postponed)
        #expect(try await bench.send(to: "https://127.0.0.1:8443/") == .postponed)
    }

    // MARK: Names

    @Test func aNameThatCannotBeResolvedInTimeIsNoAnswer() async throws {
        let resolver = SilentResolver()
        let bench = try SenderBench(resolver: resolver, timeout: .milliseconds(200))
        #expect(try await bench.send(to: "https://hooks.example/") == .failed(.unresolvable))
        #expect(bench.dials == [])
        resolver.end.settle(())
        let absent = try SenderBench(resolver: FixedResolver([]))
        #expect(try await absent.send(to: "https://hooks.example/") == .failed(.unresolvable))
        #expect(absent.dials == [])
    }

    @Test func theSystemResolvesNamesAndSharesLookUps() async {
        let resolver = SystemResolver()
        let loopback: Set<IPAddress> = [.v4(0x7F00_0001), .v6(1)]
        await withTaskGroup(of: [IPAddress].self) { group in
            for _ in 0..<20 { group.addTask { await resolver.addresses(of: "localhost", for: "acme") } }
            for await addresses in group { #expect(!addresses.isEmpty && Set(addresses).isSubset(of: loopback)) }
        }
        #expect(await resolver.addresses(of: "nowhere.invalid", for: "acme") == [])
    }

    /// Each request can name another host, whose look-up goes on when the request has ended.
    @Test func namesThatHangAreHeldUpToABound() async {
        let gate = DispatchSemaphore(value: 0)
        let open: IPAddress = .v4(0x0808_0808)
        let resolver = SystemResolver(maximumPending: 3) { name in
            if name.hasPrefix("hanging") { gate.wait() }
            return [open]
        }
        await withTaskGroup(of: [IPAddress].self) { group in
            for number in 1...3 { group.addTask { await resolver.addresses(of: "hanging-\(number).example", for: "acme") } }
            #expect(await eventually { resolver.pendingCount(of: "acme") == 3 })
            #expect(await resolver.addresses(of: "hanging-4.example", for: "acme") == [])
            #expect(resolver.pendingCount(of: "acme") == 3)
            #expect(await resolver.addresses(of: "hooks.example", for: "globex") == [open])
            for _ in 1...3 { gate.signal() }
            for await addresses in group { #expect(addresses == [open]) }
        }
        #expect(resolver.pendingCount(of: "acme") == 0)
        #expect(await resolver.addresses(of: "hooks.example", for: "acme") == [open])
    }

    /// All resolvers of the process share the threads: half of the shares are left to other tests.
    @Test func namesOfManyTenantsThatHangDelayNoOther() async throws {
        let gate = DispatchSemaphore(value: 0)
        let hangingCount = Mutex(0)
        let open: IPAddress = .v4(0x0808_0808)
        let resolver = SystemResolver(maximumPending: 3) { name in
            if name.hasPrefix("hanging") {
                hangingCount.withLock { $0 += 1 }
                gate.wait()
            }
            return [open]
        }
        let tenants = try (1...SystemResolver.shares / 2).map { try Tenant("hanging-\($0)") }
        await withTaskGroup(of: [IPAddress].self) { group in
            for tenant in tenants {
                for number in 1...3 { group.addTask { await resolver.addresses(of: "hanging-\(number).example", for: tenant) } }
            }
            #expect(await eventually { hangingCount.withLock { $0 } == 2 * tenants.count }, "two of each tenant")
            let other = OneShot<[IPAddress]>()
            Task { other.settle(await resolver.addresses(of: "hooks.example", for: "globex")) }
            let found = try? await other.value(within: .seconds(30))
            #expect(found == [open])
            for _ in 0..<3 * tenants.count { gate.signal() }
            for await addresses in group { #expect(addresses == [open]) }
        }
    }

    // MARK: Connections

    @Test func aConnectionServesManyDeliveries() async throws {
        try await Receiver.run(.answer(200, body: "ok")) { receiver in
            let resolver = FixedResolver(["127.0.0.1"])
            let bench = try SenderBench(resolver: resolver)
            for _ in 1...20 {
                let outcome = try await bench.send(to: "http://hooks.example:\(receiver.port)/")
                #expect(outcome == .answered(.init(status: 200, excerpt: "ok")))
            }
            #expect(receiver.accepted == 1 && receiver.requests.count == 20)
            #expect(resolver.lookUps.count == 20, "each attempt resolves the name")
            #expect(bench.sender.idleConnectionCount == 1)
            bench.sender.close()
            #expect(await eventually { receiver.openCount == 0 && bench.sender.idleConnectionCount == 0 })
        }
    }

    @Test func aConnectionThatTheReceiverClosedIsReplaced() async throws {
        try await Receiver.run(.answer(200)) { receiver in
            let bench = try SenderBench()
            let url = "http://127.0.0.1:\(receiver.port)/"
            #expect(try await bench.send(to: url) == .answered(.init(status: 200)))
            await receiver.closeConnections()
            #expect(try await bench.send(to: url) == .answered(.init(status: 200)))
            // One that closes instead of answering on a kept connection is tried once more, on a new one.
            receiver.behave(.bytesThenClose(""))
            #expect(try await bench.send(to: url) == .failed(.cutOff))
            #expect(receiver.requests.count == 4 && bench.dials.count == 3)
            #expect(bench.sender.idleConnectionCount == 0)
        }
    }

    /// Bytes that nobody asked for would be the answer to the next delivery.
    @Test(
        "A connection that is not clean is not kept",
        arguments: [
            Receiver.Behaviour.bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            .answer(200, "connection: close\r\n"), .bytes("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ]
    )
    func unclean(_ behaviour: Receiver.Behaviour) async throws {
        try await Receiver.run(behaviour) { receiver in
            let bench = try SenderBench()
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(.init(status: 200)))
            #expect(await eventually { receiver.openCount == 0 && bench.sender.idleConnectionCount == 0 })
            receiver.behave(.answer(500))
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(.init(status: 500)))
        }
    }

    @Test func idleConnectionsAreBoundedAndEnd() async throws {
        try await Receiver.run(.answer(200)) { receiver in
            let bench = try SenderBench {
                $0.idleTimeout = .milliseconds(50)
                $0.limits.idleConnectionsPerAddress = 0
            }
            #expect(try await bench.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(.init(status: 200)))
            #expect(await eventually { receiver.openCount == 0 })
            let other = try SenderBench { $0.idleTimeout = .milliseconds(50) }
            #expect(try await other.send(to: "http://127.0.0.1:\(receiver.port)/") == .answered(.init(status: 200)))
            #expect(await eventually { receiver.openCount == 0 && other.sender.idleConnectionCount == 0 })
        }
    }

    // MARK: Shares

    @Test func aTenantTakesNoMoreThanItsShareOfAHost() async throws {
        try await Receiver.run(.silence) { receiver in
            let bench = try SenderBench {
                $0.limits.attemptsPerTenantAndHost = 2
                $0.limits.attemptsPerHost = 3
            }
            let url = "http://127.0.0.1:\(receiver.port)/"
            let hanging = (1...2).map { _ in Task { try await bench.send(to: url) } }
            #expect(await eventually(timeout: .seconds(60)) { receiver.requests.count == 2 })
            #expect(try await bench.send(to: url) == .postponed)
            let other = Task { try await bench.send(to: url, of: "globex") }
            #expect(await eventually(timeout: .seconds(60)) { receiver.requests.count == 3 })
            #expect(try await bench.send(to: url, of: "initech") == .postponed, "the host has its own bound")
            #expect(bench.sender.attemptCount == 3)
            // A cancelled attempt says nothing about the endpoint, and gives its place back.
            for task in hanging + [other] {
                task.cancel()
                #expect(try await task.value == .postponed)
            }
            #expect(bench.sender.attemptCount == 0)
            #expect(await eventually { receiver.openCount == 0 })
        }
    }

    /// A host that answers nothing at all, as behind a firewall: a process that stops does not wait for it.
    @Test func anAttemptThatConnectsIsCancelledAtOnce() async throws {
        // Longer than the test may take.
        let bench = try SenderBench(timeout: .seconds(3600))
        let silent = try await SilentListener()
        let task = Task { try await bench.send(to: "http://127.0.0.1:\(silent.port)/") }
        #expect(await eventually(timeout: .seconds(60)) { bench.dials.count == 1 })
        task.cancel()
        #expect(try await task.value == .postponed)
        #expect(bench.sender.attemptCount == 0)
    }

    /// Receivers that hang hold the places of tests: neither a tenant takes those of others, nor do all tests take those of deliveries.
    @Test func testsHaveAShareForEachTenantAndForAll() {
        var limits = WebhookSenderConfiguration.Limits()
        (limits.tests, limits.testsPerTenant) = (3, 2)
        let places = AttemptPlaces(limits)
        #expect(places.take("a", "x", isTest: true) && places.take("a", "y", isTest: true))
        #expect(!places.take("a", "z", isTest: true), "tenant")
        #expect(places.take("b", "x", isTest: true) && !places.take("c", "x", isTest: true), "process")
        #expect(places.take("a", "x") && places.take("c", "x"), "deliveries")
        places.giveBack("a", "y", isTest: true)
        #expect(places.take("c", "x", isTest: true))
        for tenant in ["a", "b", "c"] as [Tenant] { places.giveBack(tenant, "x", isTest: true) }
        for tenant in ["a", "c"] as [Tenant] { places.giveBack(tenant, "x") }
        #expect(places.count == 0)
    }

    @Test func placesAreCountedExactly() {
        var limits = WebhookSenderConfiguration.Limits()
        (limits.attempts, limits.attemptsPerTenant, limits.attemptsPerHost, limits.attemptsPerTenantAndHost) = (4, 3, 3, 2)
        let places = AttemptPlaces(limits)
        #expect(places.take("a", "x") && places.take("a", "x") && !places.take("a", "x"), "tenant and host")
        #expect(places.take("a", "y") && !places.take("a", "z"), "tenant")
        #expect(places.take("b", "x") && !places.take("b", "y"), "process")
        places.giveBack("a", "y")
        #expect(!places.take("b", "x") && places.take("b", "y"), "host")
        for (tenant, origin) in [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y")] as [(Tenant, String)] { places.giveBack(tenant, origin) }
        #expect(places.count == 0)
    }
}
