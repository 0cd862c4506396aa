public import Basics

/// Counters of an edge since its start.
public struct EdgeStatistics: Sendable {
    /// Open streams now.
    public var connections = 0
    /// Streams opened by the loop that accepted them.
    public var quickOpenings = 0
    /// The tenants with the most open streams, the largest first.
    public var largestTenants: [(tenant: Tenant, connections: Int)] = []
    /// Entries written to connections.
    public var deliveries = 0
    /// Bytes written to connections.
    public var bytes = 0
    public var heartbeats = 0
    /// Writes cut short by a full socket.
    public var blockedWrites = 0
    /// Chunks served from the tail because a position had left the pages.
    public var tailReads = 0
    /// Chunks read from the log because a position had left the tail.
    public var logReads = 0
    /// Gaps sent.
    public var gaps = 0
    /// Ended streams by cause.
    public var closes: [String: Int] = [:]
    /// Connections with full sockets now.
    public var laggards = 0
    /// Clients that presented a cursor, by how it was resolved.
    public var resumes = Dictionary(uniqueKeysWithValues: ResumeOutcome.allCases.map { ($0.rawValue, 0) })
    /// Attempts of clients to renew the token of their connection, by outcome.
    public var renewals = Dictionary(uniqueKeysWithValues: RenewalOutcome.allCases.map { ($0.rawValue, 0) })
    /// From an event's intake until a loop had written it to all its followers; of each batch, the event that waited longest.
    public var latency = LatencyDistribution()

    init(summing counters: [LoopCounters]) {
        for loop in counters {
            self.connections += loop.connections.current
            self.quickOpenings += loop.quickOpenings.current
            self.deliveries += loop.deliveries.current
            self.bytes += loop.bytes.current
            self.heartbeats += loop.heartbeats.current
            self.blockedWrites += loop.blockedWrites.current
            self.tailReads += loop.tailReads.current
            self.logReads += loop.logReads.current
            self.gaps += loop.gaps.current
            self.laggards += loop.laggards.current
            self.latency += loop.latency.current
            for (outcome, count) in loop.resumesByOutcome { self.resumes[outcome.rawValue, default: 0] += count }
            for (outcome, count) in loop.renewalsByOutcome { self.renewals[outcome.rawValue, default: 0] += count }
            for (kind, count) in loop.closesByKind { self.closes[kind.rawValue, default: 0] += count }
        }
    }
}
