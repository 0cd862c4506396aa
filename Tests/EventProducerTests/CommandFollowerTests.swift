import Basics
import CausewayProducer
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import event_producer

/// A real command, and a log that takes what the test lets it take.
@Suite(.timeLimit(.minutes(1))) struct CommandFollowerTests {
    /// Stores events in memory. Attempts to store output wait, until they are cancelled, while `isHeld`.
    private final class Sink: ExecutionSink {
        struct Attempt: Sendable, Equatable {
            var type: String
            var replaces: Bool
        }

        private let isHeld: Bool
        private let failures: Mutex<Int>
        private let attempts = Mutex<[Attempt]>([])

        var all: [Attempt] { attempts.withLock { $0 } }

        init(isHeld: Bool = false, failures: Int = 0) {
            self.isHeld = isHeld
            self.failures = Mutex(failures)
        }

        func check(
            _ drafts: [ExecutionDraft],
            of reference: ExecutionReference,
            replacing replaces: Bool,
            under key: RequestKey?,
            timeout: Duration?
        ) async throws(ProducerError) -> [PublishedExecutionEvent?] { drafts.map { _ in nil } }

        func publish(_ draft: ExecutionDraft, to reference: ExecutionReference, replacing replaces: Bool, timeout: Duration?)
            async throws(ProducerError) -> PublishedExecutionEvent
        {
            attempts.withLock { $0.append(Attempt(type: draft.type.name, replaces: replaces)) }
            if isHeld, !draft.isFinal {
                try? await OneShot<Void>().value()
                throw ProducerError(.cancelled, "cancelled")
            }
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { throw ProducerError(.unavailable, "no log") }
            return PublishedExecutionEvent(id: "e", execution: "run", number: 1, isDuplicate: false)
        }
    }

    /// Follows a shell script that prints three lines. Returns the complaints.
    private static func follow(_ sink: Sink, timeout: Duration = .seconds(10)) async throws -> [String] {
        let complaints = Complaints()
        let follower = CommandFollower(
            sink: sink,
            reference: ExecutionReference(tenant: "acme", kind: .agents, name: "a"),
            run: ExecutionRun(generated: "run"),
            replaces: true,
            timeout: timeout,
            passOn: { _, _ in },
            complain: { complaints.add($0) }
        )
        let (outcome, isReported) = try await follower.follow(try WrappedCommand(["printf", "a\\nb\\nc\\n"])) { _ in }
        #expect(outcome == .exit(0) && isReported)
        return complaints.all
    }

    private final class Complaints: Sendable {
        private let texts = Mutex<[String]>([])

        var all: [String] { texts.withLock { $0 } }

        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    /// Who has replaced this run meanwhile is not ended by its next line.
    @Test(arguments: 0...4)
    func anotherRunIsEndedOnceByTheFirstEventThatIsStored(failures: Int) async throws {
        let sink = Sink(failures: min(failures, 3))
        let complaints = try await Self.follow(sink)
        #expect(complaints == [String](repeating: "not published: no log", count: min(failures, 3)))
        let expected = (0...3).map { $0 <= failures }
        #expect(sink.all.map(\.replaces) == expected)
        #expect(sink.all.last?.type == "complete")
    }

    @Test func linesThatTheLogHasNotTakenInTimeAreCounted() async throws {
        let sink = Sink(isHeld: true)
        let complaints = try await Self.follow(sink, timeout: .milliseconds(50))
        #expect(complaints == ["3 lines came faster than the log takes them and were not published"])
        #expect(sink.all.count == 2, "the first line, and the end")
    }
}
