import CausewayProducer
import EventLog
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// What the intake stores into, as a service: opens the log, and watches whether it can be written to.
///
/// The bus may be away, at the start or later: the process lives, is not ready, and answers 503. A log that cannot be the log ends the process with
/// a sentence.
struct IntakeLog: Service {
    let producer: EventProducer
    let log: EventLogConfiguration
    let readiness: Readiness
    let logger: Logger

    func run() async throws {
        let session = LogSession(connection: producer.connection, log: log, readiness: readiness, logger: logger)
        try await session.run { try await watch() }
        await producer.close()
    }

    private func watch() async throws {
        let log = try await opened()
        logger.info("taking events in")
        await WriteWatch(log: log, beside: [log.requestStream], condition: "log", readiness: readiness, logger: logger).run()
    }

    /// The log, however long it takes.
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
