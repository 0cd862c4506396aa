import Basics
import EventLog
import EventModel
import Logging
import Metrics

/// Stores the record of each approval request in the log, and of each decision that version 1 left there (contract §12).
///
/// The intake records what it takes in; this records the rest: requests published directly on the bus, requests whose intake died before it recorded
/// them, and what was in the log before there were records. A malformed request becomes a dead letter, because its producer got no error.
///
/// The replicas share the work, and a record is create-once, so each request is recorded once.
struct RequestRecorder: Sendable {
    /// The names of the shared readings: one for each form of subject, since a consumer has one filter.
    enum Work: String, CaseIterable {
        case requests = "approval-requests"
        case requestsAtPlaces = "approval-requests-once"
        case untyped = "approval-requests-untyped"
        case decisions = "approval-decisions"

        fileprivate var filter: String {
            switch self {
            case .requests: "events.*.\(Approval.Request.typeName)"
            case .requestsAtPlaces: ApprovalPlace.requestsFilter
            // The type is a header.
            case .untyped: "events.*"
            case .decisions: ApprovalPlace.decisionsFilter
            }
        }
    }

    private let log: EventLog
    private let records: ApprovalRecords
    private let readings: [(work: Work, reading: SharedReading<LogEntry>)]
    private let logger: Logger
    private let passedOver = Counter(label: "causeway_approval_requests_passed_over")
    /// Time limit of one attempt to store a record; less than the readings' `ackWait`.
    private static let timeout: Duration = .milliseconds(2500)

    init(log: EventLog, letters: DeadLetters, logger: Logger) {
        self.log = log
        records = ApprovalRecords(beside: log)
        readings = Work.allCases.map { work in
            // On the subject without a type, most malformed messages are no requests; readers log them.
            let source = work == .untyped ? WorkSource.events(of: log).passingOverMalformed() : .events(of: log)
            return (work, SharedReading(of: source, name: work.rawValue, filter: work.filter, letters: letters, logger: logger))
        }
        self.logger = logger
    }

    /// Why a reading is stopped, for `/readyz`; nil while all run.
    func fault(of work: Work) -> String? { readings.first { $0.work == work }?.reading.fault }

    /// Records until the task is cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (work, reading) in readings {
                group.addTask { try await reading.run { work == .decisions ? await adopt($0) : await record($0) } }
            }
            try await group.waitForAll()
        }
    }

    /// Records one request.
    func record(_ entry: LogEntry) async -> WorkOutcome {
        guard entry.event.type == Approval.Request.type else { return .done }
        let cursor = entry.cursor(epoch: log.epoch)
        guard let request = Approval.Request(entry.event, at: cursor) else { return .failed("The event is not a valid approval request.") }
        do {
            try await records.checkRoom()
            let stored = try await records.store(request: entry.event, at: cursor, timeout: Self.timeout)
            if case .occupied(let record) = stored, record.request != cursor { passOver(request) }
            return .done
        } catch {
            return .of(error)
        }
    }

    /// Records the requests at these sequences of the log now.
    ///
    /// - Throws: a retriable ``EventLogError`` in an outage.
    func record(at sequences: [UInt64]) async throws(EventLogError) {
        for sequence in sequences {
            guard let entry = try await log.storedEvent(at: sequence),
                Approval.Request(entry.event, at: entry.cursor(epoch: log.epoch)) != nil
            else { continue }
            try await records.store(request: entry.event, at: entry.cursor(epoch: log.epoch), timeout: Self.timeout)
        }
    }

    /// Records the decisions at these sequences of the log now.
    func adopt(at sequences: [UInt64]) async throws(EventLogError) {
        for sequence in sequences {
            guard let entry = try await log.storedEvent(at: sequence) else { continue }
            if case .later(let reason) = await adopt(entry) { throw .unavailable(reason) }
        }
    }

    /// Records a decision that version 1 made, which has no record. One that was announced from its record has it.
    ///
    /// A decision whose request the log has dropped unrecorded is about no approval any more.
    private func adopt(_ entry: LogEntry) async -> WorkOutcome {
        guard case .decision(let approvalID) = entry.approvalPlace, let decision = Decision(entry.event, on: approvalID) else {
            return .failed("The message at the decision's subject is not a decision.")
        }
        let tenant = entry.event.tenant
        do {
            if try await records.record(at: .decision(approvalID: approvalID), tenant: tenant) != nil { return .done }
            if let cursor = decision.request {
                if cursor.epoch == log.epoch { try await record(at: [cursor.sequence]) }
            } else if let asked = try await log.storedEvent(at: .request(approvalID: approvalID), of: tenant) {
                // Old decisions name no request: theirs is the one at the place.
                try await record(at: [asked.sequence])
            }
            let request = try await records.record(at: .request(approvalID: approvalID), tenant: tenant)
            guard let asked = request?.requestEntry, decision.isAbout(LogPlace(sequence: asked.sequence, intake: asked.intake)),
                // Version 1 knew no groups: only recorded votes decide what groups decide.
                Approval.Request(asked.event, at: asked.cursor(epoch: log.epoch))?.isDecidedAtOnce == true
            else { return .done }
            _ = try await records.store(
                entry.event,
                at: .decision(approvalID: approvalID),
                intake: entry.intake,
                timeout: Self.timeout
            )
            return .done
        } catch {
            return .of(error)
        }
    }

    /// Counts and logs a request whose id belongs to another one.
    private func passOver(_ request: Approval.Request) {
        passedOver.increment()
        logger.warning(
            "ignored an approval request whose approvalId belongs to another request",
            metadata: [
                LogKey.tenant: "\(request.tenant)", LogKey.approvalID: "\(request.approvalID)",
                LogKey.sequence: "\(request.event.sequence)",
            ]
        )
    }
}
