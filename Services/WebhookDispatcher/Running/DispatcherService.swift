import EventLog
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle
import Webhooks

/// Runs the dispatcher as a service: opens the log, then follows it and the endpoints, and delivers.
///
/// While the bus is unreachable, the process runs, is not ready, and answers 503. An incompatible stream stops the process with an error message.
struct DispatcherService: Service {
    let connection: NATSConnection
    let log: EventLogConfiguration
    let revocations: RevocationFollower
    let sender: WebhookSender
    let endpointsOfTenant: Int
    let backend: WebhookBackend
    let readiness: Readiness
    let metrics: PrometheusMetrics
    let logger: Logger

    func run() async throws {
        let session = LogSession(
            connection: connection,
            log: log,
            revocations: revocations,
            readiness: readiness,
            conditions: ["log", "endpoints", "writes"],
            metrics: metrics,
            logger: logger
        )
        try await session.run { try await work(session) }
    }

    private func work(_ session: LogSession) async throws {
        let parts = try DispatcherParts(
            log: try await session.open(),
            connection: connection,
            sender: sender,
            endpointsOfTenant: endpointsOfTenant,
            logger: logger
        )
        let figures = FiguresWatch()
        DispatcherMetrics.observe(parts, figures, in: metrics)
        readiness.observe("log") { parts.dispatcher.isFollowing ? .ready : .notReady("the log is not followed") }
        readiness.observe("endpoints") { figures.latest.isFollowingEndpoints ? .ready : .notReady("the endpoints are not followed") }
        // Without the journal: deliveries do not depend on it.
        let writes = WriteWatch(
            log: parts.log,
            beside: [parts.endpoints.followed.store],
            lookingAt: [parts.journal.stream],
            condition: "writes",
            readiness: readiness,
            logger: logger
        )
        backend.begin(WebhookParts(log: parts.log, endpoints: parts.endpoints, sender: parts.sender, journal: parts.journal))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await parts.run() }
            group.addTask { await writes.run() }
            group.addTask { await figures.run(of: parts.dispatcher) }
            try await group.waitForAll()
        }
    }
}
