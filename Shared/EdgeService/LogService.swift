import EdgeRuntime
import EventLog
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// Opens the log, follows it, and passes it to the edge, as a service. Closes the connection to the bus at the end.
///
/// While the bus is unreachable, the process runs, is not ready, and the edge refuses new streams. An incompatible stream stops the
/// process with an error message.
struct LogService: Service {
    let connection: NATSConnection
    let log: EventLogConfiguration
    let revocations: RevocationFollower
    let tickets: BusTicketRedeemer
    let tailBytes: Int
    let edge: Edge
    let metrics: PrometheusMetrics
    let readiness: Readiness
    let logger: Logger

    func run() async throws {
        let session = LogSession(
            connection: self.connection,
            log: self.log,
            revocations: self.revocations,
            readiness: self.readiness,
            metrics: self.metrics,
            logger: self.logger
        )
        try await session.run { try await self.follow(session) }
    }

    private func follow(_ session: LogSession) async throws {
        let log = try await session.open()
        self.tickets.begin(TicketStream(beside: log))
        let deliveryLog = DeliveryLog(logger: self.logger, wallClock: self.edge.configuration.wallClock)
        let fanout = Fanout(epoch: log.epoch, pageBytes: self.edge.configuration.pageBytes, deliveryLog: deliveryLog)
        let feed = LogFeed(log: log, tailBytes: self.tailBytes, observer: fanout, logger: self.logger)
        FeedMetrics.observe(feed, in: self.metrics)
        self.readiness.observe("log") { [edge] in edge.isFollowing ? .ready : .notReady(edge.interruption) }
        try self.edge.begin(log: log, feed: feed, fanout: fanout)
        try await feed.run()
    }
}
