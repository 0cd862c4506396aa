import AccessControl
import Basics
import EventLog
import Glibc
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

extension AdmissionAnswer {
    /// Stores the place in `box`. Returns the reason of a refusal.
    fileprivate consuming func keep(in box: PlaceBox) -> Ending? {
        let refusal = self.refusal
        if let place = self.place() { box.put(place) }
        return refusal
    }
}

/// A box, because an array cannot hold noncopyable places.
private final class PlaceBox {
    private var place: Admission?
    private var next: PlaceBox?

    func put(_ place: consuming Admission) {
        let rest = PlaceBox()
        rest.place = self.place.take()
        rest.next = self.next
        self.place = consume place
        self.next = rest
    }

    func empty() {
        self.place = nil
        self.next = nil
    }
}

@Suite("Places of streams", .timeLimit(.minutes(1)))
struct AdmissionsTests {
    @Test func theLargestTenantsAreNamed() throws {
        let admissions = Admissions(total: 0, perTenant: 3)
        let box = PlaceBox()
        for number in 0..<30 {
            let name = "t\(number)"
            let tenant = try Tenant(name)
            for _ in 0...(number % 3) { #expect(admissions.admit(tenant).keep(in: box) == nil) }
            if number % 3 == 2 { #expect(admissions.admit(tenant).keep(in: box) == .limit) }
        }
        let largest = admissions.largest(10)
        #expect(largest.map { $0.connections } == Array(repeating: 3, count: 10))
        #expect(largest.map { $0.tenant.text } == (0..<30).filter { $0 % 3 == 2 }.map { "t\($0)" }.sorted())
        #expect(admissions.largest(100).count == 30)
        #expect(admissions.count == 60)
        box.empty()
        #expect(admissions.count == 0)
        #expect(admissions.largest(100).isEmpty)
    }

    private struct Failure: Error {}

    private static func lose(_ place: consuming Admission, throwing: Bool) async throws {
        await Task.yield()
        if throwing { throw Failure() }
    }

    @Test("a place comes back once, whichever way it is dropped")
    func dropped() async throws {
        let admissions = Admissions(total: 2, perTenant: 0)
        let tenant = Tenant("acme")
        let other = PlaceBox()
        #expect(admissions.admit(tenant).keep(in: other) == nil)
        for throwing in [false, true] {
            let answer = admissions.admit(tenant)
            #expect(admissions.count == 2)
            #expect(admissions.admit(tenant).keep(in: PlaceBox()) == .overloaded)
            #expect(admissions.count == 2, "a refusal takes no place and gives none back")
            if let place = answer.place() { try? await Self.lose(place, throwing: throwing) }
            #expect(admissions.count == 1)
        }
        admissions.close()
        #expect(admissions.admit(tenant).keep(in: other) == .draining)
        other.empty()
        #expect(admissions.count == 0)
    }

    /// The ways in which a connection ends.
    enum WayOut: CaseIterable {
        case clientHangsUp, tokenExpires, drain, arrivalDuringDrain, logOutOfReach
    }

    @Test("a connection gives its place back once, whichever way it ends", arguments: WayOut.allCases)
    func connectionEnds(_ way: WayOut) async throws {
        let bench = try HubBench(tailBytes: 4096)
        for sequence in UInt64(1)...400 { bench.append(try Fixture.entry(sequence)) }
        if way == .logOutOfReach { bench.log.state.withLock { $0.isReachable = false } }
        if way == .arrivalDuringDrain { await bench.hub.drainConnections(window: .zero) }
        let start = way == .logOutOfReach ? HubBench.after(3) : .live
        let clients = try await [bench.connect(start: start, expiresAt: 1005), bench.connect(start: start, expiresAt: 1005)]
        switch way {
        case .clientHangsUp: for client in clients { client.hangUp() }
        case .tokenExpires: bench.clock.now.store(1005, ordering: .relaxed)
        case .drain: await bench.hub.drainConnections(window: .zero)
        case .arrivalDuringDrain, .logOutOfReach: break
        }
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.endedCount == 2)
        #expect(bench.admissions.count == 0)
    }

    @Test("a connection that was refused gives back nothing")
    func refused() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        let stranger = try await bench.connect(refusal: Ending(.unauthorized))
        stranger.hangUp()
        #expect(await eventually { bench.hub.counters.closesByKind[.unauthorized] == 1 })
        #expect(bench.admissions.count == 1)
        client.hangUp()
        #expect(await eventually { bench.admissions.count == 0 })
    }

    @Test("a descriptor that cannot be watched gives its place back")
    func notWatched() async throws {
        let bench = try HubBench()
        // epoll does not support regular files.
        let descriptor = open("/dev/null", O_RDWR | O_CLOEXEC)
        #expect(descriptor >= 0)
        let ticket = ConnectionTicket(
            start: .live,
            source: .events(of: Tenant("acme")),
            audience: Audience(user: UserID("ann"), filter: nil),
            principal: Principal(user: UserID("ann"), tenant: Tenant("acme"), roles: [], expiresAt: .max / 2),
            head: [],
            requestID: "r",
            generation: bench.fanout.feed.position.generation
        )
        await bench.hub.adopt(descriptor, ticket: ticket, encoder: PlainEncoder(), admission: bench.admit(Tenant("acme")))
        #expect(await eventually { bench.endedCount == 1 })
        #expect(bench.admissions.count == 0)
    }
}
