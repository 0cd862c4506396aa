import Basics
import Dispatch
import EventModel
import Logging
import NATSClient
import Synchronization

/// Counts the connections of all relay processes of the deployment: each reports its own to the others, every few seconds and at shutdown.
///
/// Any thread. While ``run()`` runs, this process sends reports; it receives those of others as long as the census exists.
final class RelayCensus: Sendable {
    private let connection: NATSConnection
    private let id: String
    private let version: String
    private let region: String
    private let interval: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let connections: @Sendable () -> Int
    private let logger: Logger
    private let table: Mutex<CensusTable>
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    private let reports = Mutex<NATSSubscription?>(nil)
    /// A stalled bus may block this queue, but no thread that others need.
    private let sending = DispatchQueue(label: "causeway.relay.census")

    /// Subscribes to reports; with the next server, if none is connected.
    ///
    /// - Parameters:
    ///   - connection: The bus.
    ///   - id: The id of this process: a new ULID.
    ///   - version: Its version.
    ///   - region: Its region.
    ///   - interval: The report interval. At most a third of ``CensusTable/silence``, so that a lost report does not count as a death.
    ///   - logger: Gets a warning if a report fails.
    ///   - now: The clock for expiring others.
    ///   - connections: The number of open connections of this process. Called on any thread; must not block.
    init(
        connection: NATSConnection,
        id: String,
        version: String,
        region: String,
        interval: Duration = .seconds(4),
        logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        connections: @escaping @Sendable () -> Int
    ) throws(NATSError) {
        self.connection = connection
        self.id = id
        self.version = version
        self.region = region
        self.interval = interval
        self.now = now
        self.connections = connections
        self.logger = logger
        table = Mutex(CensusTable(own: id))
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let subscription = try connection.subscribe(RelayReport.subject) { [weak self] delivery in
            guard let report = RelayReport(json: delivery.withPayload { [UInt8]($0) }) else { return }
            self?.received(report)
        }
        reports.withLock { $0 = subscription }
        connection.onStateChange { [wakeUp] state in
            if state == .connected { wakeUp.yield() }
        }
    }

    /// The connections of all relay processes with a recent report, and the current ones of this process.
    var activeConnections: Int {
        let own = connections()
        return table.withLock { $0.connections(own: own, at: now()) }
    }

    /// The number of relay processes, including this one.
    var relays: Int { table.withLock { $0.relays(at: now()) } }

    /// The health of this process, as far as the bus is concerned.
    var health: RelayStatus.Health {
        guard connection.state == .connected else { return .unavailable }
        return table.withLock { $0.hears(at: now()) } ? .healthy : .degraded
    }

    /// The answer to `GET /v1/relay/status`.
    ///
    /// - Parameter time: now, for `checkedAt`.
    func status(at time: Timestamp) -> RelayStatus {
        RelayStatus(status: health, activeConnections: activeConnections, region: region, version: version, checkedAt: time)
    }

    /// Reports until the task is cancelled, then sends a last report. Call once.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [interval, wakeUp] in
                repeat { wakeUp.yield() } while (try? await Task.sleep(for: interval)) != nil
            }
            for await _ in wakeUps { await report(isLeaving: false) }
            group.cancelAll()
        }
        await report(isLeaving: true)
        // Flush the buffer before the process exits.
        try? await connection.flush(timeout: .seconds(1))
    }

    private func received(_ report: RelayReport) {
        let isNew = table.withLock { $0.received(report, at: now()) }
        // Report at once, so that the new process learns of this one.
        if isNew { wakeUp.yield() }
    }

    private func report(isLeaving: Bool) async {
        let report = RelayReport(id: id, connections: isLeaving ? 0 : connections(), version: version, region: region, isLeaving: isLeaving)
        await sending.run { self.publish(report) }
    }

    private func publish(_ report: RelayReport) {
        do {
            try connection.publish(subject: RelayReport.subject, payload: report.json())
        } catch let error as NATSError where error.isRetriable || error.code == .closed {
            // The bus is unreachable, which its connection has logged; the next report follows after the reconnect.
            return
        } catch {
            logger.warning("The number of connections could not be reported", metadata: [LogKey.error: "\(error)"])
        }
    }
}
