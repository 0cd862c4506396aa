import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NATSClient
import ServiceKit

/// The service as a process, from settings to shutdown.
///
/// Services start in this order and stop in reverse: admin listener, background work, answers to surveys, public listener. So requests in flight at a shutdown are still
/// decided and answered.
struct ApprovalProcess {
    private let process: ServiceMain

    /// The names of the background work.
    private static let work = RequestRecorder.Work.allCases.map(\.rawValue) + [RecordAnnouncer.name, DeadlineSweep.name]

    init(_ process: ServiceMain) {
        self.process = process
    }

    /// Runs until a signal ends the process.
    ///
    /// - Throws: start errors with a message for operators.
    func run() async throws {
        let settings = process.settings
        // Before the file is created: invalid settings leave nothing behind.
        let origins = try settings.originPolicy()
        let authenticator = try await process.authenticator()
        let securityEvents = try await process.securityEventVerifier()
        let securityEventCounts = SecurityEventCounts()
        process.observe(securityEventCounts, securityEvents)
        let model = try ReadModel(
            path: settings[.databaseFile],
            readers: settings[.databaseReaders],
            patience: settings[.decisionTimeout],
            logger: process.logger
        )
        let backend = ApprovalBackend(model: model)
        let nats = try settings.natsConfiguration(name: settings.schema.program)
        let connection = try await process.connect(nats)
        process.metrics.describe("causeway_approval_requests", "Requests to decide an approval, by outcome.")
        process.metrics.describe("causeway_approval_decide", "Duration of requests to decide an approval.")
        process.metrics.describe("causeway_approval_effects", "Effects of decisions written to the log.")
        process.metrics.describe(
            "causeway_approval_requests_passed_over",
            "Approval requests ignored because their approvalId belongs to another request."
        )
        process.metrics.describe(
            "causeway_read_model_rebuilds",
            "Times the read model was rebuilt from the log because its file was damaged."
        )
        process.metrics.describe("causeway_tickets_issued", "Tickets issued.")
        process.metrics.describe("causeway_approval_effect_delay", "Delay from a decision to its effect.")
        process.metrics.addCollector { exposition in
            exposition.gauge(
                "causeway_read_model_log_position",
                help: "Last log sequence applied to the read model.",
                Int(clamping: backend.model.log.position)
            )
            exposition.gauge(
                "causeway_read_model_inbox_position",
                help: "Last sequence of the read marks' stream applied to the read model.",
                Int(clamping: backend.model.inbox.position)
            )
            exposition.gauge(
                "causeway_read_model_approvals_position",
                help: "Last sequence of the approval records' stream applied to the read model.",
                Int(clamping: backend.model.approvals.position)
            )
            let waiting = (try? backend.parts())?.waiting() ?? WaitingApprovals()
            exposition.gauge("causeway_approvals_pending", help: "Approvals that wait for an answer.", waiting.count)
            exposition.gauge(
                "causeway_approvals_oldest_pending_seconds",
                help: "How long the oldest of them has waited.",
                Int(waiting.oldestMilliseconds / 1000)
            )
            exposition.gauge(
                "causeway_approvals_due_soon",
                help: "Approvals that wait and expire within 10 minutes.",
                waiting.dueSoon
            )
            exposition.gauge(
                "causeway_read_model_waiting_changes",
                help: "Changes read from the log and not yet written to the read model.",
                (try? backend.parts())?.follower.waitingChanges ?? 0
            )
            exposition.gauge(
                "causeway_read_model_waiting_reads",
                help: "Requests waiting for a read connection to the read model.",
                backend.model.waitingReads
            )
            exposition.gauge(
                "causeway_read_model_disk_full",
                help: "1 while the read model cannot be written because its disk is full.",
                backend.model.trouble == .full ? 1 : 0
            )
            let running = (try? backend.parts())?.work ?? []
            for work in Self.work {
                exposition.gauge(
                    "causeway_background_work_running",
                    help: "Whether this background work runs: 1 or 0. /readyz has the reason when it does not.",
                    running.contains { $0.name == work && $0.fault() == nil } ? 1 : 0,
                    labels: [("work", work)]
                )
            }
            let letters = (try? backend.parts())?.letters.totals ?? [:]
            for work in Self.work {
                exposition.counter(
                    "causeway_dead_letters_total",
                    help: "Work that failed and was set aside, by kind.",
                    letters[work] ?? 0,
                    labels: [("work", work)]
                )
            }
        }
        let service = ApprovalService(
            connection: connection,
            backend: backend,
            log: settings.eventLogConfiguration(),
            revocations: process.revocationFollower(of: authenticator),
            maximumTokenLife: settings[.authMaxTokenLife],
            timeout: settings[.decisionTimeout],
            expiryInterval: settings[.expiryInterval],
            readiness: process.readiness,
            metrics: process.metrics,
            logger: process.logger,
            now: { .now }
        )
        let usage = TenantUsage()
        TenantMetrics.observe(usage, as: "causeway_approval_tenant_requests", help: "Requests", in: process.metrics)
        let requests = RateLimitMiddleware(RateLimit(settings), usage: usage)
        process.shares.add(requests.use)
        let router = try ApprovalRouter.make(
            backend: backend,
            authenticator: authenticator,
            securityEvents: securityEvents,
            securityEventCounts: securityEventCounts,
            maximumTokenLife: settings[.authMaxTokenLife],
            requests: requests,
            survey: try Survey(connection: connection, logger: process.logger),
            origins: origins
        )
        let listener = PublicListener(process, router: router)
        try await process.run([service, process.surveyResponder(on: connection), listener])
    }
}
