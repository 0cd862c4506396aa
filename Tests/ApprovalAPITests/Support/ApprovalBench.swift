import Basics
import EventLog
import EventModel
import HTTPAPI
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// One process of the service on a real nats-server: the log, a read model that follows it and the records, and the work over them.
///
/// The recorder and the announcer do not run by themselves: a test runs them, or has a process without them.
final class ApprovalBench: Sendable {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let server: NATSServer
    let connection: NATSConnection
    let log: EventLog
    let model: ReadModel
    let letters: DeadLetters
    let recorder: RequestRecorder
    let announcer: RecordAnnouncer
    let decisions: DecisionService
    let sweep: DeadlineSweep
    private let clock: Clock
    private let following: [Task<Void, any Error>]

    private final class Clock: Sendable {
        let now = Mutex(Fixture.time)
    }

    /// - Parameters:
    ///   - server: that of another process; nil for a new one.
    ///   - time: the time of its clock, in milliseconds (``Fixture/later(_:)``).
    ///   - shares: of what people write; nil for no limit.
    init(on server: NATSServer? = nil, at time: Int64 = 1_000_000, shares: TenantByteShares? = nil) async throws {
        if let server { self.server = server } else { self.server = try await NATSServer() }
        let url = self.server.url
        // The server may stand still for seconds while the machine writes to its disk.
        let bus = NATSConfiguration(servers: [url], pingInterval: .seconds(15), sendAsap: true)
        connection = try await NATSConnection.connect(bus, logger: Self.logger)
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        configuration.requestTimeout = .seconds(10)
        let log = try await EventLog.open(on: connection, configuration: configuration, logger: Self.logger)
        self.log = log
        let model = try ReadModel(path: ReadModelFile.memory)
        self.model = model
        let clock = Clock()
        clock.now.withLock { $0 = Fixture.later(time) }
        self.clock = clock
        let now: @Sendable () -> Timestamp = { clock.now.withLock { $0 } }
        let inbox = InboxStream(beside: log)
        let records = FollowedStream(ApprovalRecords(beside: log).stream, beside: log)
        let barrier = ReadBarrier(model: model, log: log, inbox: inbox.followed, approvals: records, patience: .seconds(10))
        letters = DeadLetters(of: log, logger: Self.logger, now: now)
        recorder = RequestRecorder(log: log, letters: letters, logger: Self.logger)
        announcer = RecordAnnouncer(log: log, letters: letters, logger: Self.logger, now: now)
        decisions = DecisionService(
            log: log,
            model: model,
            barrier: barrier,
            recorder: recorder,
            announcer: announcer,
            shares: shares,
            timeout: .seconds(10),
            now: now
        )
        sweep = DeadlineSweep(
            model: model,
            decisions: decisions,
            letters: letters,
            interval: .seconds(1),
            isFollowing: { true },
            logger: Self.logger
        )
        let logFollower = LogFollower(log: log, model: model, logger: Self.logger)
        let recordFollower = SideStreamFollower(
            .approvals,
            of: records,
            model: model,
            logger: Self.logger,
            changes: ApprovalChange.changes
        )
        following = [Task { try await logFollower.run() }, Task { try await recordFollower.run() }]
        guard await eventually({ logFollower.isFollowing && recordFollower.isFollowing }) else {
            throw TestKitError("The read model does not follow.")
        }
    }

    deinit { for task in following { task.cancel() } }

    var jetStream: JetStream { JetStream(connection) }
    var records: ApprovalRecords { ApprovalRecords(beside: log) }

    /// Sets the clock, in milliseconds (``Fixture/later(_:)``).
    func set(_ milliseconds: Int64) { clock.now.withLock { $0 = Fixture.later(milliseconds) } }

    // MARK: Requests

    /// Takes a request in, as the intake does.
    ///
    /// - Parameter members: of its payload, each behind a comma.
    @discardableResult
    func request(_ name: String, tenant: String = "acme", user: String? = nil, _ members: String = "") async throws -> Cursor {
        let payload = #"{"approvalId":"\#(name)","remediationId":"rem_\#(name)"\#(members)}"#
        let event = try Fixture.event("approval.requested", payload, tenant: tenant, user: user, id: name)
        return try await log.append(event, intake: Fixture.time, timeout: .seconds(30)).cursor
    }

    /// Publishes a request on the bus, as a program that knows nothing of records.
    @discardableResult
    func publish(_ name: String, on subject: String, _ members: String = "", type: String? = nil, id: String) async throws -> UInt64 {
        var headers = NATSHeaders()
        headers.append("ce-id", id)
        if let type { headers.append("ce-type", type) }
        let payload = #"{"approvalId":"\#(name)","remediationId":"rem_\#(name)"\#(members)}"#
        return try await jetStream.publish(subject: subject, headers: headers, payload: Array(payload.utf8)).sequence
    }

    // MARK: What there is

    /// The approval as of now.
    func approval(_ id: ApprovalID, for viewer: Viewer = Fixture.ann) async throws -> Approval? {
        try await decisions.find(id, for: viewer, isExecutor: true)
    }

    /// The record at a place of an approval of `acme`.
    func record(_ place: ApprovalPlace) async throws -> ApprovalRecord? {
        try await records.record(at: place, tenant: Fixture.acme)
    }

    /// The types of all events of the log, in order.
    func types() async throws -> [String] {
        var types: [String] = []
        let last = try await log.retention().lastSequence
        for sequence in stride(from: UInt64(1), through: last, by: 1) {
            if let entry = try await log.storedEvent(at: sequence) { types.append(entry.event.type.name) }
        }
        return types
    }

    /// The same once every record is announced: runs the announcer until it has acknowledged the last one.
    func announcedTypes() async throws -> [String] {
        try await running({ try await self.announcer.run { await self.decisions.settle($0) } }) {
            let stream = EventLogConfiguration.approvalsName
            let areAnnounced = try await eventually {
                // Its creation may be under way.
                guard let consumer = try? await self.jetStream.consumerInfo(stream: stream, consumer: RecordAnnouncer.name) else {
                    return false
                }
                let last = try await self.jetStream.streamInfo(stream).state.lastSequence
                return consumer.acknowledged.streamSequence == last
            }
            guard areAnnounced else { throw TestKitError("The announcer has not acknowledged every record.") }
        }
        return try await types()
    }

    // MARK: Acting

    /// Decides or votes as a person of `acme`.
    func decide(
        _ id: ApprovalID,
        _ action: DecisionAction = .approve,
        by user: String,
        roles: Set<String>,
        reason: String? = nil,
        onBehalfOf other: UserID? = nil,
        key: String? = nil
    ) async throws -> DecisionService.Outcome {
        try await decisions.decide(
            DecisionService.Request(
                approvalID: id,
                action: action,
                reason: reason,
                onBehalfOf: other,
                idempotencyKey: try key.map { try IdempotencyKey($0) }
            ),
            by: Voter(user: UserID(generated: user), roles: roles),
            of: Fixture.acme
        )
    }

    /// Stores a vote as a process that dies before it decides.
    func leaveVote(_ id: ApprovalID, by user: String, for groups: Set<String>, at milliseconds: Int64) async throws -> ApprovalRecord {
        let request = try #require(try await approval(id)).request
        let vote = Fixture.vote(by: user, for: groups, at: milliseconds)
        let place = ApprovalPlace.vote(approvalID: id, voter: vote.votedBy)
        let event = try vote.event(on: request, traceparent: nil)
        return try await records.store(event, at: place, intake: vote.votedAt, timeout: .seconds(10)).record
    }

    /// Runs background work for as long as `body` does.
    func running<Value>(_ work: @escaping @Sendable () async throws -> Void, _ body: () async throws -> Value) async throws -> Value {
        let run = Task { try await work() }
        defer { run.cancel() }
        return try await body()
    }
}
