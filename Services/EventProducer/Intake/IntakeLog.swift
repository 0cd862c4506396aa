import CausewayProducer
import EventLog
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// Opens the log for the intake, as a service, and checks whether it is writable.
///
/// While the bus is unreachable, the process runs, is not ready, and answers 503. An incompatible stream stops the process with an error
/// message.
struct IntakeLog: Service {
    let producer: EventProducer
    let log: EventLogConfiguration
    let revocations: RevocationFollower
    let readiness: Readiness
    let metrics: PrometheusMetrics
    let logger: Logger

    func run() async throws {
        let session = LogSession(
            connection: producer.connection,
            log: log,
            revocations: revocations,
            readiness: readiness,
            metrics: metrics,
            logger: logger
        )
        try await session.run { try await watch(session) }
        await producer.close()
    }

    private func watch(_ session: LogSession) async throws {
        let log = try await opened()
        session.noteOpened(log)
        logger.info("taking events in")
        await WriteWatch(log: log, beside: [log.requestStream], condition: "log", readiness: readiness, logger: logger).run()
    }

    /// Opens the log, without a time limit.
    private func opened() async throws -> EventLog {
        while true {
            do throws(ProducerError) {
                return try await producer.ready(within: .seconds(10))
            } catch {
                if error.code == .cancelled || error.code == .closed { throw CancellationError() }
                guard error.isRetriable else { throw error }
                readiness.set("log", .notReady(error.message))
            }
        }
    }
}
