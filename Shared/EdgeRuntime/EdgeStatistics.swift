/// What an edge has done since its start.
public struct EdgeStatistics: Sendable {
    /// Open streams now.
    public var connections = 0
    /// Entries written to connections.
    public var deliveries = 0
    /// Bytes written to connections.
    public var bytes = 0
    public var heartbeats = 0
    /// Writes that a full socket cut short.
    public var blockedWrites = 0
    /// Chunks served from the tail because a position had left the pages.
    public var tailReads = 0
    /// Chunks read from the log because a position had left the tail.
    public var logReads = 0
    /// Gaps told.
    public var gaps = 0
    /// Ended streams by cause.
    public var closes: [String: Int] = [:]

    init(summing counters: [LoopCounters]) {
        for loop in counters {
            self.connections += loop.connections.current
            self.deliveries += loop.deliveries.current
            self.bytes += loop.bytes.current
            self.heartbeats += loop.heartbeats.current
            self.blockedWrites += loop.blockedWrites.current
            self.tailReads += loop.tailReads.current
            self.logReads += loop.logReads.current
            self.gaps += loop.gaps.current
            for (cause, count) in loop.closesByCause { self.closes["\(cause)", default: 0] += count }
        }
    }
}
