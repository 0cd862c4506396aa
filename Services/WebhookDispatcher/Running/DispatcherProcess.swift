import Basics
import ServiceKit
import Webhooks

/// The service as a process, from settings to shutdown.
///
/// Services start in this order and stop in reverse: admin listener, dispatcher, answers to surveys, public listener. So requests in flight at a shutdown are still
/// answered, and the bus is closed after the last cursor was written.
struct DispatcherProcess {
    private let process: ServiceMain

    init(_ process: ServiceMain) {
        self.process = process
    }

    /// Runs until a signal ends the process.
    ///
    /// - Throws: start errors with a message for operators.
    func run() async throws {
        let settings = process.settings
        let sending = try settings.webhookSenderConfiguration()
        let sender = try Self.sender(sending)
        let origins = try settings.originPolicy()
        let authenticator = try await process.authenticator()
        let connection = try await process.connect(settings.natsConfiguration(name: settings.schema.program))
        let backend = WebhookBackend()
        let usage = TenantUsage()
        TenantMetrics.observe(usage, as: "causeway_webhook_tenant_requests", help: "Requests about webhooks", in: process.metrics)
        let requests = RateLimitMiddleware(RateLimit(settings), usage: usage)
        process.shares.add(requests.use)
        let router = WebhookRouter.make(
            backend: backend,
            authenticator: authenticator,
            requests: requests,
            shares: EndpointShares(endpointsOfTenant: settings[.webhooksPerTenant]),
            origins: origins
        )
        let service = DispatcherService(
            connection: connection,
            log: settings.eventLogConfiguration(),
            revocations: process.revocationFollower(of: authenticator),
            sender: sender,
            endpointsOfTenant: settings[.webhooksPerTenant],
            backend: backend,
            readiness: process.readiness,
            metrics: process.metrics,
            logger: process.logger
        )
        // The attempts under way end within their time limit.
        try await process.run(
            [service, process.surveyResponder(on: connection), PublicListener(process, router: router)],
            drain: sending.timeout
        )
    }

    /// Creates the sender.
    ///
    /// - Throws: ``ConfigurationError`` for a file of authorities that cannot be used.
    static func sender(_ configuration: WebhookSenderConfiguration) throws(ConfigurationError) -> WebhookSender {
        do throws(WebhookSender.ConfigurationError) {
            return try WebhookSender(configuration)
        } catch {
            throw .configuration("\(AnyConfigurationKey.webhookCAFile.environmentName): \(error.message)")
        }
    }
}
