import AccessControl
import CausewayProducer
import HTTPAPI
import Hummingbird
import NATSClient
import ServiceKit

/// Runs the HTTP intake as a process.
///
/// Services start in this order and stop in reverse: admin listener, log, answers to surveys, public listener. So requests in progress at a shutdown are still
/// stored and answered.
struct IntakeProcess {
    private let process: ServiceMain

    init(_ process: ServiceMain) {
        self.process = process
    }

    /// Runs until a signal ends the process.
    ///
    /// - Throws: start errors with a message for operators.
    func run() async throws {
        let settings = process.settings
        let limits = try IntakeLimits(settings)
        let authenticator = try await process.authenticator()
        let nats = try settings.natsConfiguration(name: "event-producer")
        let producer = try await EventProducer.connect(
            ProducerConfiguration(nats: nats, log: settings.eventLogConfiguration(), timeout: limits.timeout),
            logger: process.logger
        )
        process.observe(producer.connection)
        let origins = try settings.originPolicy()
        let router = Router.api(origins: origins)
        let routes = RouteTable(router)
        let gate = IntakeGate(limits)
        IntakeMetrics.describe(in: process.metrics, gate)
        process.shares.add(gate.shares.eventsUse)
        process.shares.add(gate.shares.bytesUse)
        let producers = routes.authenticated(by: authenticator)
        EventIntakeRoute(sink: producer, gate: gate).register(on: producers)
        ExecutionIntakeRoute(sink: producer, gate: gate).register(on: producers)
        StoredEventRoute(log: producer).register(on: producers)
        routes.refuseOtherMethods()
        let quick = QuickIntake(authenticator: authenticator, sink: producer, gate: gate, origins: origins, logger: process.logger)
        // A request that is a span needs the middleware for it.
        let isQuick = settings[.quickDoor] && !process.exportsSpans
        try await process.run([
            IntakeLog(
                producer: producer,
                log: settings.eventLogConfiguration(),
                revocations: process.revocationFollower(of: authenticator),
                readiness: process.readiness,
                metrics: process.metrics,
                logger: process.logger
            ),
            process.surveyResponder(on: producer.connection),
            PublicListener(process, router: router, quick: isQuick ? quick : nil),
        ])
    }
}
