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
/// Services start in this order and stop in reverse: admin listener, background work, public listener. So requests in flight at a shutdown are still
/// decided and answered.
struct ApprovalProcess {
    private let process: ServiceMain

    init(_ process: ServiceMain) {
        self.process = process
    }

    /// Runs until a signal has ended it.
    ///
    /// - Throws: start errors with a message for operators.
    func run() async throws {
        let settings = process.settings
        // Before the file is created: invalid settings leave nothing behind.
        let origins = try settings.originPolicy()
        let authenticator = try await process.authenticator()
        let model = try ReadModel(
            path: settings.string(.databaseFile),
            readers: settings.integer(.databaseReaders),
            patience: settings.duration(.decisionTimeout),
            logger: process.logger
        )
        let backend = ApprovalBackend(model: model)
        let nats = try settings.natsConfiguration(name: settings.schema.program)
        let connection = try await process.connect(nats)
        process.metrics.describe("causeway_approval_requests", "Requests to decide about an approval, by outcome.")
        process.metrics.describe("causeway_approval_decide", "How long such a request took.")
        process.metrics.describe("causeway_approval_effects", "What follows from decisions, written to the log.")
        process.metrics.describe(
            "causeway_approval_requests_passed_over",
            "Requests on the bus whose approvalId is another request's."
        )
        process.metrics.describe(
            "causeway_read_model_rebuilds",
            "How often the read model's file was damaged and was made anew from the log."
        )
        process.metrics.describe("causeway_approval_effect_delay", "From a decision until what follows from it was in the log.")
        process.metrics.addCollector { exposition in
            exposition.gauge(
                "causeway_read_model_log_position",
                help: "Up to where the log is in the read model.",
                Int(clamping: backend.model.log.position)
            )
            exposition.gauge(
                "causeway_read_model_inbox_position",
                help: "Up to where the read marks are in it.",
                Int(clamping: backend.model.inbox.position)
            )
            exposition.gauge(
                "causeway_read_model_waiting_changes",
                help: "Changes that were read from the log and are not in the read model yet.",
                (try? backend.parts())?.follower.waitingChanges ?? 0
            )
            exposition.gauge(
                "causeway_read_model_waiting_reads",
                help: "Requests that wait for a reader of the read model.",
                backend.model.waitingReads
            )
            exposition.gauge(
                "causeway_read_model_disk_full",
                help: "1 while the read model cannot be written because its disk is full.",
                backend.model.trouble == .full ? 1 : 0
            )
            let running = (try? backend.parts())?.work ?? []
            for work in [EffectAnnouncer.name, RequestReview.name, ExpirySweep.name] {
                exposition.gauge(
                    "causeway_background_work_running",
                    help: "Whether work that follows from what is in the log is done: 1 or 0. Readiness says why it is not.",
                    running.contains { $0.name == work && $0.fault() == nil } ? 1 : 0,
                    labels: [("work", work)]
                )
            }
            let letters = (try? backend.parts())?.letters.totals ?? [:]
            for work in [EffectAnnouncer.name, RequestReview.name, ExpirySweep.name] {
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
            timeout: settings.duration(.decisionTimeout),
            expiryInterval: settings.duration(.expiryInterval),
            readiness: process.readiness,
            logger: process.logger,
            now: { .now }
        )
        let usage = TenantUsage()
        TenantMetrics.observe(usage, as: "causeway_approval_tenant_requests", help: "Requests", in: process.metrics)
        let router = try ApprovalRouter.make(
            backend: backend,
            authenticator: authenticator,
            limit: RateLimit(settings),
            usage: usage,
            origins: origins
        )
        let listener = PublicListener(process, router: router)
        try await process.run([service, listener])
    }
}
