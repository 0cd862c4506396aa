import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import ServiceKit

/// Each test runs in its own process, because signals are per process.
@Suite struct ServiceRunnerTests {
    // One closure for each signal: what a closure captures reaches the other process with Swift 6.3 only.
    @Test func aSignalStopsTheServicesInReverseAndTheProcessEndsWell() async {
        await #expect(processExitsWith: .exitCode(0)) { try await stopTwoServices(with: SIGTERM) }
        await #expect(processExitsWith: .exitCode(0)) { try await stopTwoServices(with: SIGINT) }
    }

    @Test func theNextSignalEndsTheProcessAtOnce() async {
        await #expect(processExitsWith: .exitCode(143)) { try await stopAStuckService(with: SIGTERM) }
        await #expect(processExitsWith: .exitCode(130)) { try await stopAStuckService(with: SIGINT) }
    }

    @Test func aHangUpReloadsAndEndsNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let steps = Steps()
            let service = Recorded("service", steps) {
                for round in 1...2 {
                    kill(getpid(), SIGHUP)
                    while steps.all.count < round { await Task.yield() }
                }
                kill(getpid(), SIGTERM)
                try? await gracefulShutdown()
            }
            try await runner(Readiness()) { steps.add("reloaded") }.run([service])
            exit(steps.all == ["reloaded", "reloaded", "service"] ? 0 : 99)
        }
    }

    @Test func aShutdownEndsInTime() async {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            LoggingSystem.bootstrap { JSONLogHandler(label: $0) }
            let stuck = Recorded("stuck", Steps()) {
                kill(getpid(), SIGTERM)
                await forever()
            }
            try await runner(Readiness(), timeout: .milliseconds(50)).run([stuck])
            exit(99)
        }
        #expect(result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) }?.contains("The shutdown took too long") == true)
    }

    @Test func aCancellationIsAnAnswerToTheShutdown() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let sleeper = Recorded("sleeper", Steps()) {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(3600)) }
            }
            let trigger = Recorded("trigger", Steps()) {
                kill(getpid(), SIGTERM)
                try? await gracefulShutdown()
            }
            try await runner(Readiness()).run([sleeper, trigger])
            exit(0)
        }
    }

    @Test func endingBeforeItsTurnIsNoFailure() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let steps = Steps()
            let readiness = Readiness()
            // Ends as soon as the process drains, although it is the last one's turn.
            let early = Recorded("early", steps) { while !readiness.isDraining { await Task.yield() } }
            let last = Recorded("last", steps) {
                kill(getpid(), SIGTERM)
                try? await gracefulShutdown()
                while steps.all.isEmpty { await Task.yield() }
            }
            try await runner(readiness).run([early, last])
            exit(steps.all == ["early", "last"] ? 0 : 99)
        }
    }

    @Test func aFailureStopsTheOthersAndIsThrown() async {
        await #expect(processExitsWith: .exitCode(0)) {
            struct Broken: Error {}
            let steps = Steps()
            let readiness = Readiness()
            let other = Recorded("other", steps) { try? await gracefulShutdown() }
            let broken = Recorded("broken", steps) { throw Broken() }
            do {
                try await runner(readiness).run([other, broken])
                exit(98)
            } catch is Broken {
                exit(steps.all == ["broken", "other"] && readiness.isDraining ? 0 : 99)
            }
        }
    }

    @Test func endingByItselfIsAFailure() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let steps = Steps()
            let other = Recorded("other", steps) { try? await gracefulShutdown() }
            do {
                try await runner(Readiness()).run([other, Recorded("short", steps) {}])
                exit(98)
            } catch let error as ServiceEndedError {
                exit(error.service == "Recorded" && steps.all == ["short", "other"] ? 0 : 99)
            }
        }
    }

    @Test func aPeerThatHasGoneDoesNotEndTheProcess() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try await runner(Readiness()).run([])
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            close(ends[0])
            exit(write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 99)
        }
    }
}

/// Runs two services, of which the last one sends the signal, and ends well if both have ended in reverse.
private func stopTwoServices(with signal: Int32) async throws {
    let steps = Steps()
    let readiness = Readiness()
    let first = Recorded("first", steps) { try? await gracefulShutdown() }
    let last = Recorded("last", steps) {
        kill(getpid(), signal)
        try? await gracefulShutdown()
        if readiness.report.isReady { steps.add("still ready") }
    }
    try await runner(readiness).run([first, last])
    exit(steps.all == ["last", "first"] && readiness.isDraining ? 0 : 99)
}

/// Runs a service that a first signal does not end, and sends another.
private func stopAStuckService(with signal: Int32) async throws {
    let stuck = Recorded("stuck", Steps()) {
        kill(getpid(), SIGTERM)
        try? await gracefulShutdown()
        kill(getpid(), signal)
        await forever()
    }
    try await runner(Readiness()).run([stuck])
    exit(99)
}

private func runner(
    _ readiness: Readiness,
    timeout: Duration = .seconds(60),
    reload: @escaping @Sendable () async -> Void = {}
) -> ServiceRunner {
    let logger = Logger(label: "test") { _ in JSONLogHandler(label: "test") }
    return ServiceRunner(readiness: readiness, logger: logger, shutdownTimeout: timeout, reload: reload)
}

/// Never returns, even if the task is cancelled.
private func forever() async {
    await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
}

/// The recorded events, in order.
private final class Steps: Sendable {
    private let steps = Mutex<[String]>([])

    var all: [String] { steps.withLock(\.self) }

    func add(_ step: String) { steps.withLock { $0.append(step) } }
}

/// A service that notes its end.
private struct Recorded: Service {
    let name: String
    let steps: Steps
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ steps: Steps, body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.steps = steps
        self.body = body
    }

    func run() async throws {
        defer { steps.add(name) }
        try await body()
    }
}
