import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import Webhooks

/// Endpoints in the stream, against a real nats-server.
@Suite("Endpoint store", .timeLimit(.minutes(5))) struct EndpointStoreTests {
    /// A server, and the log of one process.
    private final class Bench: Sendable {
        private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        let server: NATSServer
        let log: EventLog

        init() async throws {
            server = try await NATSServer()
            log = try await Self.open(server)
        }

        /// The log of another process.
        func another() async throws -> EventLog { try await Self.open(server) }

        private static func open(_ server: NATSServer) async throws -> EventLog {
            // The server may stand still for seconds while the machine writes to its disk.
            let bus = NATSConfiguration(servers: [server.url], pingInterval: .seconds(15), sendAsap: true)
            let connection = try await NATSConnection.connect(bus, logger: logger)
            var configuration = EventLogConfiguration()
            configuration.maxBytes = 1 << 30
            configuration.requestTimeout = .seconds(10)
            return try await EventLog.open(on: connection, configuration: configuration, logger: logger)
        }
    }

    private static let patience: Duration = .seconds(60)

    private func register(_ store: EndpointStore, _ tenant: Tenant = "acme", _ url: String = "https://hooks.example/a") async throws
        -> EndpointStore.Stored
    {
        try await store.register(
            try EndpointFixture.settings(url),
            of: tenant,
            secret: .generate(),
            cursor: EndpointFixture.cursor,
            within: Self.patience
        )
    }

    @Test func anEndpointLivesInTheStream() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log, now: { EndpointFixture.time })
        #expect(try await store.endpoints(of: "acme") == [])
        let made = try await register(store)
        #expect(made.endpoint.state == EndpointHealth(registeredAt: EndpointFixture.time).state)
        #expect(made.endpoint.cursor == EndpointFixture.cursor && made.endpoint.createdAt == EndpointFixture.time)

        // Another process sees it.
        let other = EndpointStore(beside: try await bench.another())
        #expect(try await other.endpoint(made.endpoint.id, of: "acme") == made)
        let updated = try await other.update(made.endpoint.id, of: "acme", within: Self.patience) { endpoint in
            try endpoint.settings.describe("changed")
            endpoint.secrets.rotate(to: .generate(), at: EndpointFixture.time)
        }
        #expect(updated?.endpoint.settings.description == "changed")
        #expect(try await store.endpoints(of: "acme") == [updated])

        #expect(try await store.delete(made.endpoint.id, of: "acme", within: Self.patience))
        #expect(try await !store.delete(made.endpoint.id, of: "acme", within: Self.patience))
        #expect(try await other.endpoints(of: "acme") == [])
        #expect(try await other.endpoint(made.endpoint.id, of: "acme") == nil)
        #expect(try await other.update(made.endpoint.id, of: "acme", within: Self.patience) { $0.settings.isOrdered = false } == nil)
        withExtendedLifetime(bench) {}
    }

    @Test func aRequestWithAKeyFindsItsEndpoint() async throws {
        let bench = try await Bench()
        let stores = [EndpointStore(beside: bench.log), EndpointStore(beside: try await bench.another())]
        func register(_ store: EndpointStore, _ key: String?, user: UserID = "ann", url: String = "https://hooks.example/a") async throws
            -> EndpointStore.Stored
        {
            try await store.register(
                try EndpointFixture.settings(url),
                of: "acme",
                secret: .generate(),
                cursor: EndpointFixture.cursor,
                request: key.map { RequestKey(tenant: "acme", user: user, key: $0) },
                within: Self.patience
            )
        }
        let first = try await register(stores[0], "k")
        #expect(try await register(stores[1], "k") == first)
        #expect(try await register(stores[1], "k", url: "https://hooks.example/b") == first, "the caller compares the settings")
        #expect(try await register(stores[0], "l").endpoint.id != first.endpoint.id)
        #expect(try await register(stores[0], "k", user: "bob").endpoint.id != first.endpoint.id)
        #expect(try await register(stores[0], nil).endpoint.id != first.endpoint.id)
        #expect(try await stores[0].endpoints(of: "acme").count == 4)
        #expect(try await stores[0].delete(first.endpoint.id, of: "acme", within: Self.patience))
        #expect(try await register(stores[1], "k").endpoint.id != first.endpoint.id, "an id is never given twice")
        withExtendedLifetime(bench) {}
    }

    @Test func anotherTenantsEndpointIsAbsent() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log)
        let (acme, globex) = (try await register(store, "acme"), try await register(store, "globex"))
        // Both are in the first slot of their tenant, and a name with a dot is one token.
        #expect(acme.endpoint.id.slot == 0 && globex.endpoint.id.slot == 0)
        let dotted = try await register(store, "acme.eu")
        #expect(try await store.endpoints(of: "acme") == [acme])
        #expect(try await store.endpoints(of: "acme.eu") == [dotted])
        #expect(try await store.endpoint(acme.endpoint.id, of: "globex") == nil)
        #expect(try await !store.delete(acme.endpoint.id, of: "globex", within: Self.patience))
        let touched = try await store.update(acme.endpoint.id, of: "globex", within: Self.patience) { $0.settings.isOrdered = false }
        #expect(touched == nil)
        #expect(try await store.endpoint(acme.endpoint.id, of: "acme") == acme)
        withExtendedLifetime(bench) {}
    }

    @Test func aWriteLosesAgainstAnEarlierChange() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log)
        let made = try await register(store)
        var behind = made
        behind.endpoint.cursor = EndpointFixture.cursor.next
        let replayed = try await store.update(made.endpoint.id, of: "acme", within: Self.patience) { $0.settings.isOrdered = false }
        #expect(try await store.write(behind, within: Self.patience) == nil)
        #expect(try await store.endpoint(made.endpoint.id, of: "acme") == replayed)
        var current = try #require(replayed)
        current.endpoint.cursor = EndpointFixture.cursor.next
        let written = try #require(try await store.write(current, within: Self.patience))
        #expect(written.revision > current.revision && written.endpoint == current.endpoint)
        // Written again, as after an acknowledgement that was lost, it is found to be there.
        #expect(try await store.write(current, within: Self.patience) == written)
        #expect(try await store.delete(made.endpoint.id, of: "acme", within: Self.patience))
        #expect(try await store.write(written, within: Self.patience) == nil, "a deleted endpoint does not come back")
        withExtendedLifetime(bench) {}
    }

    @Test func concurrentChangesAreAllKept() async throws {
        let bench = try await Bench()
        let stores = [EndpointStore(beside: bench.log), EndpointStore(beside: try await bench.another())]
        let id = try await register(stores[0]).endpoint.id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    _ = try await stores[number % 2].update(id, of: "acme", within: Self.patience) { endpoint in
                        let known = endpoint.settings.description.map { "\($0) " } ?? ""
                        try endpoint.settings.describe("\(known)\(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
        let text = try #require(try await stores[0].endpoint(id, of: "acme")?.endpoint.settings.description)
        #expect(text.split(separator: " ").compactMap { Int($0) }.sorted() == Array(0..<12))
        withExtendedLifetime(bench) {}
    }

    /// The slots bound the endpoints, over all processes.
    @Test func aTenantHasNoMoreEndpointsThanTheLimit() async throws {
        let bench = try await Bench()
        let stores = [EndpointStore(beside: bench.log, limit: 5), EndpointStore(beside: try await bench.another(), limit: 5)]
        let made = try await withThrowingTaskGroup(of: EndpointID?.self) { group in
            for number in 0..<12 {
                group.addTask {
                    do {
                        return try await self.register(stores[number % 2]).endpoint.id
                    } catch let error as EndpointStore.LimitReached {
                        #expect(error.limit == 5 && error.message.contains("5"))
                        return nil
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
        }
        #expect(made.count == 5 && Set(made.map(\.slot)) == Set(0..<5))
        #expect(try await stores[0].endpoints(of: "acme").map(\.endpoint.id) == made.sorted())
        _ = try await register(stores[0], "globex")

        // A deleted endpoint's slot is used again, by an endpoint with another id.
        let gone = made[2]
        #expect(try await stores[1].delete(gone, of: "acme", within: Self.patience))
        let next = try await register(stores[0]).endpoint.id
        #expect(next.slot == gone.slot && next != gone)
        #expect(try await stores[1].endpoint(gone, of: "acme") == nil)
        #expect(try await !stores[1].delete(gone, of: "acme", within: Self.patience))
        #expect(try await stores[0].endpoints(of: "acme").count == 5)
        await #expect(throws: EndpointStore.LimitReached.self) { try await self.register(stores[1]) }
        withExtendedLifetime(bench) {}
    }

    @Test func whatIsNoRecordKeepsItsSlotAndIsNotListed() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log, limit: 2)
        _ = try await store.followed.publish(subject: "webhooks.acme.0", payload: Array("{}".utf8), within: Self.patience)
        let made = try await register(store)
        #expect(made.endpoint.id.slot == 1)
        #expect(try await store.endpoints(of: "acme") == [made])
        await #expect(throws: EndpointStore.LimitReached.self) { try await self.register(store) }
        withExtendedLifetime(bench) {}
    }

    @Test func changesAreFollowed() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log)
        let first = try await register(store)
        let seen = Mutex<(records: [EndpointRecord?], isCaughtUp: Bool)>(([], false))
        let following = Task {
            try await EndpointStore(beside: try await bench.another()).follow { changes, isCaughtUp in
                seen.withLock { seen in
                    seen.records += changes.map(\.record)
                    seen.isCaughtUp = isCaughtUp
                }
            }
        }
        #expect(await eventually { seen.withLock { $0.records == [.endpoint(first.endpoint)] && $0.isCaughtUp } })
        _ = try await store.delete(first.endpoint.id, of: "acme", within: Self.patience)
        let second = try await register(store, "globex")
        #expect(
            await eventually {
                let last = seen.withLock { $0.records.suffix(2) }
                guard last.count == 2, case .deleted(first.endpoint.id, _) = last.first else { return false }
                return last.last == .endpoint(second.endpoint)
            }
        )
        following.cancel()
        _ = await following.result
        withExtendedLifetime(bench) {}
    }

    @Test func aStreamThatDropsIsRefused() async throws {
        let bench = try await Bench()
        let store = EndpointStore(beside: bench.log)
        let log = JetStream(try await NATSConnection.connect(NATSConfiguration(servers: [bench.server.url]), logger: Logger(label: "test")))
        _ = try await log.createStream(StreamConfiguration(name: "WEBHOOKS", subjects: ["webhooks.*.*"]))
        let error = await #expect(throws: EventLogError.self) { try await store.followed.bounds() }
        #expect(error?.code == .incompatibleStream && error?.message.contains("--discard new") == true)
        withExtendedLifetime(bench) {}
    }
}
