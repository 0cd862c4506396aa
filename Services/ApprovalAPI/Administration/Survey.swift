import Basics
import Dispatch
import EventModel
import FoundationEssentials
import HTTPAPI
import Logging
import NATSClient
import ServiceKit
import Synchronization

/// Asks all processes of the deployment about one tenant, over the bus, and says which of them did not answer.
///
/// Hears the reports of the processes as long as it exists. Any thread.
final class Survey: Sendable {
    /// What a survey has found.
    struct Outcome<Answer: Sendable>: Sendable {
        /// The answers, in the order of the ids of the processes.
        var answers: [(instance: String, answer: Answer)]
        /// Whether every process is known to have answered: none is silent, and each has had the time to report that it is there.
        var isComplete: Bool
        /// The processes that should have answered and did not.
        var silent: [Silent]
    }

    /// A process that did not answer.
    struct Silent: Encodable, Sendable, Hashable {
        let program: String
        let instance: String
        /// The time of its last report, RFC 3339.
        let lastHeard: String
    }

    /// The most bytes of one answer; a longer one counts as missing.
    private static let maximumAnswerBytes = 1 << 20
    /// The most answers to one question.
    private static let maximumAnswers = 256

    private let connection: NATSConnection
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger
    private let members = Mutex(SurveyMembers())
    /// Since when reports are heard without a break; nil while the bus is out of reach.
    private let listeningSince: Mutex<ContinuousClock.Instant?>
    private let reports = Mutex<NATSSubscription?>(nil)
    /// A stalled bus may block this queue, but no thread that others need.
    private let sending = DispatchQueue(label: "causeway.survey.questions")

    /// Subscribes to reports; with the next server, if none is connected.
    ///
    /// - Parameters:
    ///   - connection: the bus.
    ///   - now: the clock for expiring processes.
    /// - Throws: `NATSError/Code/closed`.
    init(
        connection: NATSConnection,
        logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws(NATSError) {
        self.connection = connection
        self.logger = logger
        self.now = now
        listeningSince = Mutex(nil)
        let subscription = try connection.subscribe(SurveyReport.subject) { [weak self] delivery in
            guard let self, let report = SurveyReport(json: delivery.withPayload { [UInt8]($0) }) else { return }
            let time = self.now()
            self.members.withLock { $0.received(report, at: time) }
        }
        reports.withLock { $0 = subscription }
        connection.onStateChange { [weak self] state in
            guard let self else { return }
            let time = self.now()
            self.listeningSince.withLock { $0 = state == .connected ? $0 ?? time : nil }
        }
    }

    /// Whether reports are heard: the bus is connected, and has told so.
    var isListening: Bool { listeningSince.withLock { $0 != nil } }

    /// Asks, and waits until every process that reported lately has answered, at most ``SurveyQuestion/patience``.
    ///
    /// - Throws: `service_unavailable` without the bus.
    func ask<Answer: Decodable & Sendable>(_ topic: SurveyTopic, _ question: SurveyQuestion) async throws -> Outcome<Answer> {
        let start = now()
        let known = members.withLock { $0.answering(topic, at: start) }
        let awaited = known.filter { $0.heard.duration(to: start) < SurveyMembers.silence }
        // Before every process has reported once, more may answer than are known.
        let knowsAll = listeningSince.withLock { $0 }.map { $0.duration(to: start) >= SurveyMembers.silence } ?? false
        let answers = Answers(awaited: knowsAll && !awaited.isEmpty ? Set(awaited.map(\.instance)) : nil)
        let inbox = connection.newInbox()
        let payload = try question.json()
        let subscription: NATSSubscription
        do throws(NATSError) {
            subscription = try connection.subscribe(inbox) { answers.received($0) }
            try await send(topic.subject, reply: inbox, payload)
        } catch {
            throw APIError.serviceUnavailable("The bus is out of reach: nobody can be asked. Retry later.", retryAfter: 5)
        }
        _ = try? await answers.complete.value(within: SurveyQuestion.patience)
        subscription.unsubscribe()
        var found: [(instance: String, answer: Answer)] = []
        for (instance, json) in answers.all.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            do {
                found.append((instance, try JSONDecoder().decode(Answer.self, from: Data(json))))
            } catch {
                logger.warning(
                    "an answer to a survey cannot be read",
                    metadata: [LogKey.instance: "\(instance)", LogKey.error: "\(error)"]
                )
            }
        }
        let silent = known.filter { member in !found.contains { $0.instance == member.instance } }
        return Outcome(answers: found, isComplete: knowsAll && silent.isEmpty, silent: silent.map { silence(of: $0) })
    }

    private func silence(of member: SurveyMembers.Member) -> Silent {
        let age = member.heard.duration(to: now())
        return Silent(program: member.program, instance: member.instance, lastHeard: Timestamp.now.advanced(by: .zero - age).iso8601)
    }

    private func send(_ subject: String, reply: String, _ payload: [UInt8]) async throws(NATSError) {
        let failure: NATSError? = await sending.run { [connection] in
            do throws(NATSError) {
                try connection.publish(subject: subject, reply: reply, payload: payload)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The answers to one question. Any thread.
    private final class Answers: Sendable {
        /// Settled when nobody else will answer.
        let complete = OneShot<Void>()
        private let awaited: Set<String>?
        private let found = Mutex<[String: [UInt8]]>([:])

        /// - Parameter awaited: those who will answer; nil when not known.
        init(awaited: Set<String>?) {
            self.awaited = awaited
        }

        /// The JSON of the answers, by the ids of the processes.
        var all: [String: [UInt8]] { found.withLock { $0 } }

        /// On a delivery thread.
        func received(_ delivery: borrowing NATSDelivery) {
            // Nobody is subscribed to the question.
            if delivery.status == 503 {
                complete.settle(())
                return
            }
            guard let instance = delivery.header(SurveyQuestion.instanceHeader), SurveyReport.isInstance(instance),
                delivery.payloadCount <= Survey.maximumAnswerBytes
            else { return }
            let json = delivery.withPayload { [UInt8]($0) }
            let isComplete = found.withLock { found in
                if found[instance] == nil, found.count < Survey.maximumAnswers { found[instance] = json }
                return awaited.map { $0.allSatisfy { found[$0] != nil } } ?? false
            }
            if isComplete { complete.settle(()) }
        }
    }
}
