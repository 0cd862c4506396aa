public import Basics
import EventModel

/// Configures an edge. Durations and bytes as named; defaults are the contract's.
public struct EdgeConfiguration: Sendable {
    /// The interval between heartbeats on a quiet connection.
    public var heartbeatInterval: Duration = .seconds(30)
    /// Chooses a connection's slot within a heartbeat interval: at random, so that heartbeats are spread.
    public var heartbeatPhase: @Sendable (Range<Int>) -> Int = { Int.random(in: $0) }
    /// The mean reconnect delay sent to clients.
    public var retry: Duration = .seconds(2)
    /// The time over which a drain spreads the ends of connections.
    public var drainWindow: Duration = .seconds(20)
    /// How long a socket may stay full before the connection ends.
    public var stallTimeout: Duration = .seconds(600)
    /// How long a peer may leave sent bytes unacknowledged before it counts as gone. Checked at each heartbeat.
    public var peerTimeout: Duration = .seconds(60)
    /// How long to wait for a peer to read the farewell and close.
    public var linger: Duration = .seconds(2)
    /// How long the log must be out of reach before open streams report it; recreating a consumer takes less.
    public var standingPatience: Duration = .seconds(1)
    /// The time over which a client's progress is measured while more than 1 MiB of answers is unsent: a client that takes less than 64 KiB
    /// of them reads too slowly.
    public var unsentPatience: Duration = .seconds(15)
    /// Bytes of unsent answers allowed for one client, however fast it reads: 16 times the largest answer that the relay's other bounds
    /// allow.
    public var maxUnsentBytes = 128 * 1024 * 1024
    /// As ``maxUnsentBytes``, for all clients together. Beyond it, clients end that hold more than an equal share.
    public var maxUnsentBytesOfAll = 256 * 1024 * 1024
    /// Bytes of the log held for all connections with full sockets together; beyond it they are released and read again on demand.
    public var maxLaggardBytes = 64 * 1024 * 1024
    /// The most open streams of this process; 0 for no limit.
    public var maxConnections = 0
    /// The most open streams of one tenant on this process; 0 for no limit.
    public var maxConnectionsPerTenant = 0
    /// The most closed connections that a delivery thread remembers for operators. One takes some 400 bytes, and the filter of its client.
    public var maxClosedReports = 512
    /// Number of delivery threads.
    public var deliveryLoops = 1
    /// Bytes that one connection may write in one turn.
    public var bytesPerTurn = 256 * 1024
    /// Bytes of a connection's send buffer in the kernel.
    public var sendBuffer: Int32 = 64 * 1024
    /// Bytes of encoded events kept in memory, over all tenants.
    public var pageBytes = 32 * 1024 * 1024
    /// Bytes of one chunk read from the log for a connection whose position is older than memory.
    public var chunkBytes = 64 * 1024
    /// The time of day: for token expiry and timestamps.
    public var wallClock: @Sendable () -> Timestamp = { .now }

    /// When the kernel gives up on a peer that takes nothing: well after the edge does, so that the farewell can still arrive.
    var kernelPatience: Duration { self.stallTimeout + .seconds(120) }

    public init() {}
}
