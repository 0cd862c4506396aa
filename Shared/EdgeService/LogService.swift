import EdgeRuntime
import EventLog
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// What an edge reads from, as a service: opens the log, follows it, and gives the edge its source; closes the bus at the end.
///
/// The bus may be away, at the start or later: the process lives, is not ready, and its edge says so to whoever comes. A
/// log that cannot be the log ends the process with a sentence.
struct LogService: Service {
    let connection: NATSConnection
    let log: EventLogConfiguration
    let tailBytes: Int
    let edge: Edge
    let metrics: PrometheusMetrics
    let readiness: Readiness
    let logger: Logger

    func run() async throws {
        let session = LogSession(connection: self.connection, log: self.log, readiness: self.readiness, logger: self.logger)
        try await session.run { try await self.follow(session) }
    }

    private func follow(_ session: LogSession) async throws {
        let log = try await session.open()
        let deliveryLog = DeliveryLog(logger: self.logger, wallClock: self.edge.configuration.wallClock)
        let fanout = Fanout(epoch: log.epoch, pageBytes: self.edge.configuration.pageBytes, deliveryLog: deliveryLog)
        let feed = LogFeed(log: log, tailBytes: self.tailBytes, observer: fanout, logger: self.logger)
        FeedMetrics.observe(feed, in: self.metrics)
        self.readiness.observe("log") { [edge] in edge.isFollowing ? .ready : .notReady(feed.interruption ?? "not followed yet") }
        try self.edge.begin(log: log, feed: feed, fanout: fanout)
        try await feed.run()
    }
}
