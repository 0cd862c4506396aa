import Basics
import HTTPAPI
import Logging
import NATSClient
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// Surveys over a nats-server.
@Suite("Surveys", .timeLimit(.minutes(2))) struct SurveyTests {
    private struct Answer: Decodable, Sendable {
        let tenant: String
    }

    /// A survey that has listened for long enough to know everyone, and processes that answer it.
    private final class Bench: Sendable {
        let server: NATSServer
        let survey: Survey
        private let connection: NATSConnection

        init() async throws {
            server = try await NATSServer()
            // The server may stand still for seconds while the machine writes to its disk.
            let bus = NATSConfiguration(servers: [server.url], pingInterval: .seconds(15), sendAsap: true)
            connection = try await NATSConnection.connect(bus, logger: ApprovalBench.logger)
            let offset = Mutex(Duration.zero)
            survey = try Survey(connection: connection, logger: ApprovalBench.logger) { .now + offset.withLock { $0 } }
            try await connection.flush()
            // It counts from the connection's state, which is told later than the connection is there.
            let survey = survey
            try #require(await TestKit.eventually { survey.isListening })
            offset.withLock { $0 = SurveyMembers.silence + .seconds(1) }
        }

        /// Starts a process that answers with the tenant of the question, or as `answer` does. Cancel the task to stop it.
        func process(_ instance: String, _ answer: SurveyResponder.Answer? = nil) -> Task<Void, any Error> {
            let responder = SurveyResponder(
                instance: instance,
                program: "sse-edge",
                connection: connection,
                answers: [.connections: answer ?? { ["tenant": .string($0.tenant.text)] }],
                logger: ApprovalBench.logger
            )
            return Task { try await responder.run() }
        }

        func ask(_ tenant: Tenant = "acme") async throws -> Survey.Outcome<Answer> {
            try await survey.ask(.connections, SurveyQuestion(tenant: tenant))
        }

        /// Asks until the answers are those of these processes, and these are silent.
        func eventually(_ answering: [String], silent: [String] = []) async throws -> Survey.Outcome<Answer>? {
            for _ in 0..<50 {
                let outcome = try await ask()
                if outcome.answers.map(\.instance) == answering, outcome.silent.map(\.instance) == silent { return outcome }
                // A process rests after each answer: questions without a pause would wait in its queue, and be dropped.
                try await Task.sleep(for: .milliseconds(100))
            }
            return nil
        }
    }

    @Test("every process answers once, about the requested tenant, and one that has left is not missed")
    func everyone() async throws {
        let bench = try await Bench()
        let (second, first) = (bench.process("B"), bench.process("A"))
        let outcome = try #require(try await bench.eventually(["A", "B"]))
        #expect(outcome.isComplete && outcome.answers.allSatisfy { $0.answer.tenant == "acme" })
        #expect(try await bench.ask("globex").answers.map(\.answer.tenant) == ["globex", "globex"])
        second.cancel()
        try await second.value
        #expect(try await bench.eventually(["A"])?.isComplete == true)
        first.cancel()
        try await first.value
        #expect(try await bench.eventually([])?.isComplete == true)
    }

    @Test("a process that does not answer is named, whether it hangs or answers nonsense")
    func silent() async throws {
        let bench = try await Bench()
        let gate = OneShot<Void>()
        let tasks = [
            bench.process("A"),
            bench.process("B") { _ in
                try await gate.value()
                return [:]
            }, bench.process("C") { _ in ["tenant": 1] },
        ]
        let outcome = try #require(try await bench.eventually(["A"], silent: ["B", "C"]))
        #expect(!outcome.isComplete && outcome.silent.allSatisfy { $0.program == "sse-edge" })
        for task in tasks {
            task.cancel()
            try await task.value
        }
    }

    @Test("without the bus nobody is asked")
    func noBus() async throws {
        let bench = try await Bench()
        try await bench.server.stop()
        var code: APIError.Code?
        _ = await eventually {
            do { _ = try await bench.ask() } catch { code = (error as? APIError)?.code }
            return code != nil
        }
        #expect(code == .serviceUnavailable)
    }
}
