import EdgeRuntime
import EventLog
import Logging
import NATSClient
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
        self.readiness.set("log", .notReady("not followed yet"))
        let connection = self.connection
        self.readiness.observe("bus") { connection.state == .connected ? .ready : .notReady("\(connection.state)") }
        self.readiness.observe("log") { [edge] in edge.isFollowing ? .ready : .notReady("not followed") }
        do {
            try await cancelWhenGracefulShutdown { try await self.follow(on: connection) }
        } catch let error as EventLogError where error.code == .cancelled {
            // The shutdown came while the log was waited for.
        }
        await connection.close()
    }

    private func follow(on connection: NATSConnection) async throws {
        let log = try await EventLog.open(on: connection, configuration: self.log, logger: self.logger)
        self.readiness.note("log.replicas", "\(self.log.replicas)")
        let deliveryLog = DeliveryLog(logger: self.logger, wallClock: self.edge.configuration.wallClock)
        let fanout = Fanout(epoch: log.epoch, pageBytes: self.edge.configuration.pageBytes, deliveryLog: deliveryLog)
        let feed = LogFeed(log: log, tailBytes: self.tailBytes, observer: fanout, logger: self.logger)
        FeedMetrics.observe(feed, in: self.metrics)
        try self.edge.begin(log: log, feed: feed, fanout: fanout)
        try await feed.run()
    }
}
