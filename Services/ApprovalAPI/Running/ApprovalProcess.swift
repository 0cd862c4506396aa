import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird
import NATSClient
import ServiceRuntime

/// The service as a process, from settings to shutdown.
///
/// Services, in the order in which they start and against which they stop: the admin listener, what goes on behind the requests, the public
/// listener. So the requests that are in flight when the shutdown begins are still decided and answered.
struct ApprovalProcess {
    private let process: ServiceMain

    init(_ process: ServiceMain) {
        self.process = process
    }

    /// Runs until a signal has ended it.
    ///
    /// - Throws: whatever keeps it from starting, as a sentence.
    func run() async throws {
        let settings = process.settings
        let authenticator = try await Authenticator(configuration: settings.accessControlConfiguration(), logger: process.logger)
        let backend = ApprovalBackend(model: try ReadModel(path: settings.string(.databaseFile)))
        var nats = try settings.natsConfiguration(name: settings.schema.program)
        nats.sendAsap = true
        let connection = try await NATSConnection.connect(nats, logger: process.logger)
        BusMetrics.observe(connection, in: process.metrics)
        process.metrics.describe("causeway_approval_requests", "Requests to decide about an approval, by outcome.")
        process.metrics.describe("causeway_approval_decide", "How long such a request took.")
        process.metrics.describe("causeway_approval_effects", "What follows from decisions, written to the log.")
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
        let router = try ApprovalRouter.make(
            backend: backend,
            authenticator: authenticator,
            limiter: RateLimiter(RateLimit(settings)),
            origins: settings.originPolicy()
        )
        let listener = PublicListener(router: router, settings: settings, readiness: process.readiness, logger: process.logger)
        try await process.run([service, listener])
    }
}
