package import Basics
import Dispatch
import EventModel
package import Logging
package import NATSClient
import ServiceLifecycle

/// Answers surveys: questions about one tenant that another process asks all processes over the bus (``SurveyQuestion``). Reports that this process
/// is there, so that a missing answer is noticed.
///
/// Answers one question at a time, and rests after each for three times as long as it took, at most a second, so that questions of any number leave
/// most of a thread. A question that has waited for longer than its asker does is dropped.
///
/// Add it to a process's services behind the one that closes the connection, so that it leaves while the bus is still there.
package final class SurveyResponder: Service {
    /// Returns the members of the answer to a question. Must bound their size. Any thread.
    package typealias Answer = @Sendable (SurveyQuestion) async throws -> JSONObject

    private struct Asked: Sendable {
        let topic: SurveyTopic
        let question: [UInt8]
        let reply: String
        let arrival: ContinuousClock.Instant
    }

    /// The most questions that wait.
    private static let maximumWaiting = 64
    private static let longestRest: Duration = .seconds(1)

    /// The id of this process: a ULID, new with each start.
    package let instance: String
    private let program: String
    private let connection: NATSConnection
    private let answers: [SurveyTopic: Answer]
    private let logger: Logger
    private let questions: AsyncStream<Asked>
    private let arrivals: AsyncStream<Asked>.Continuation
    private let reportIsDue = Signal()
    /// A stalled bus may block this queue, but no thread that others need.
    private let sending = DispatchQueue(label: "causeway.survey")

    /// - Parameters:
    ///   - instance: the id of this process.
    ///   - program: its name.
    ///   - connection: the bus.
    ///   - answers: what it answers.
    package init(instance: String, program: String, connection: NATSConnection, answers: [SurveyTopic: Answer], logger: Logger) {
        self.instance = instance
        self.program = program
        self.connection = connection
        self.answers = answers
        self.logger = logger
        (questions, arrivals) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maximumWaiting))
    }

    /// Answers until the shutdown, then says that this process leaves. Call once.
    ///
    /// - Throws: `NATSError` when the connection is closed.
    package func run() async throws {
        let subscriptions = try answers.keys.map { topic in
            try connection.subscribe(topic.subject) { [arrivals] delivery in
                guard let reply = delivery.reply, delivery.payloadCount <= SurveyQuestion.maximumBytes else { return }
                arrivals.yield(Asked(topic: topic, question: delivery.withPayload { [UInt8]($0) }, reply: reply, arrival: .now))
            }
        }
        connection.onStateChange { [reportIsDue] state in
            if state == .connected { reportIsDue.raise() }
        }
        logger.info("answering surveys", metadata: [LogKey.instance: "\(instance)"])
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.reportRegularly() }
                group.addTask { await self.answerAll() }
            }
        }
        for subscription in subscriptions { subscription.unsubscribe() }
        await report(isLeaving: true)
        // Flush the buffer before the connection is closed.
        try? await connection.flush(timeout: .seconds(1))
    }

    private func reportRegularly() async {
        while !Task.isCancelled {
            await report(isLeaving: false)
            await reportIsDue.wait(atMost: SurveyReport.interval)
        }
    }

    private func report(isLeaving: Bool) async {
        let topics = SurveyTopic.allCases.filter { answers[$0] != nil }
        let report = SurveyReport(instance: instance, program: program, topics: topics, isLeaving: isLeaving)
        guard let payload = try? report.json() else { return }
        await publish(SurveyReport.subject, payload: payload)
    }

    private func answerAll() async {
        for await asked in questions {
            guard asked.arrival.duration(to: .now) < SurveyQuestion.patience, let answer = answers[asked.topic],
                let question = SurveyQuestion(json: asked.question)
            else { continue }
            let start = ContinuousClock.now
            do {
                let members = try await answer(question)
                await publish(asked.reply, headers: [SurveyQuestion.instanceHeader: instance], payload: members.bytes)
            } catch {
                logger.warning("a survey could not be answered", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: min(start.duration(to: .now) * 3, Self.longestRest))
        }
    }

    private func publish(_ subject: String, headers: NATSHeaders = [:], payload: [UInt8]) async {
        let failure: NATSError? = await sending.run { [connection] in
            do throws(NATSError) {
                try connection.publish(subject: subject, headers: headers, payload: payload)
                return nil
            } catch {
                return error
            }
        }
        // An unreachable bus has been logged by its connection; the next report follows after the reconnect.
        guard let failure, !failure.isRetriable, failure.code != .closed else { return }
        logger.warning("a survey's message could not be sent", metadata: [LogKey.error: "\(failure)"])
    }
}
