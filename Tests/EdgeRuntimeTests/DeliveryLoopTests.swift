import Basics
import CEpoll
import Glibc
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// Records a loop's reports, and lets a test wait for them.
private final class Recorder: DeliveryLoopDelegate {
    struct Seen {
        var tokens: [UInt64] = []
        var signals = 0
        var ticks = 0
        var rounds = 0
        var moreRounds = 0
    }

    let seen = Mutex(Seen())

    func descriptorReady(token: UInt64, events: UInt32) { self.seen.withLock { $0.tokens.append(token) } }
    func signalled() { self.seen.withLock { $0.signals += 1 } }
    func ticked(now: MonotonicInstant) { self.seen.withLock { $0.ticks += 1 } }
    func roundEnded() -> Bool {
        self.seen.withLock { seen in
            seen.rounds += 1
            guard seen.moreRounds > 0 else { return false }
            seen.moreRounds -= 1
            return true
        }
    }
}

/// An actor with a loop as its executor.
private actor Resident {
    nonisolated let loop: DeliveryLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }
    var count = 0

    init(loop: DeliveryLoop) { self.loop = loop }

    func increment() -> UInt {
        self.count += 1
        return UInt(pthread_self())
    }

    nonisolated func isHere() -> Bool { self.loop.isIsolatingCurrentContext() == true }
}

@Suite("The delivery loop", .timeLimit(.minutes(3)))
struct DeliveryLoopTests {
    @Test("a descriptor is reported with its token when bytes arrive, once per arrival")
    func descriptors() async throws {
        let loop = try DeliveryLoop()
        let recorder = Recorder()
        loop.start(name: "test", delegate: recorder)
        defer { loop.stop() }
        let pair = try SocketPair()
        try loop.register(pair.edge, token: 42, events: EPOLLIN.rawValue | EPOLLET.rawValue)
        pair.send("x")
        #expect(await eventually { recorder.seen.withLock { $0.tokens } == [42] })
        pair.send("y")
        #expect(await eventually { recorder.seen.withLock { $0.tokens } == [42, 42] })
        loop.deregister(pair.edge)
    }

    @Test("signals are coalesced but never lost")
    func signals() async throws {
        let loop = try DeliveryLoop()
        let recorder = Recorder()
        loop.start(name: "test", delegate: recorder)
        defer { loop.stop() }
        for _ in 0..<1000 {
            let before = recorder.seen.withLock { $0.signals }
            loop.signal()
            #expect(await eventually { recorder.seen.withLock { $0.signals } > before })
        }
        #expect(recorder.seen.withLock { $0.signals } <= 1000)
    }

    @Test("an actor that names the loop as its executor runs on the loop's thread, one call at a time")
    func executor() async throws {
        let loop = try DeliveryLoop()
        loop.start(name: "test", delegate: Recorder())
        defer { loop.stop() }
        let resident = Resident(loop: loop)
        #expect(!resident.isHere())
        let threads = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<500 { group.addTask { await resident.increment() } }
            return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect(threads.count == 1)
        #expect(await resident.count == 500)
    }

    @Test("work that is left makes another round at once, and ticks keep coming")
    func rounds() async throws {
        // A clock that advances by a tick at every read, so that this test does not wait.
        let time = Atomic<UInt64>(0)
        let loop = try DeliveryLoop(clock: {
            MonotonicInstant(nanoseconds: time.wrappingAdd(UInt64(DeliveryLoop.tickInterval.nanoseconds), ordering: .relaxed).newValue)
        })
        let recorder = Recorder()
        recorder.seen.withLock { $0.moreRounds = 50 }
        loop.start(name: "test", delegate: recorder)
        defer { loop.stop() }
        #expect(await eventually { recorder.seen.withLock { $0.rounds > 50 && $0.ticks > 50 } })
    }
}
