public import Basics
import EventModel

/// How an edge behaves towards its clients. Durations and bytes as named; defaults are the contract's.
public struct EdgeConfiguration: Sendable {
    /// Between two signs of life on a quiet connection.
    public var heartbeatInterval: Duration = .seconds(30)
    /// Chooses a connection's place among the ticks of a heartbeat interval: at random, so that heartbeats are spread.
    public var heartbeatPhase: @Sendable (Range<Int>) -> Int = { Int.random(in: $0) }
    /// When a client whose connection broke is told to come back, on average.
    public var retry: Duration = .seconds(2)
    /// Over how long a drain spreads the ends of connections.
    public var drainWindow: Duration = .seconds(20)
    /// How long a socket may take nothing at all before the connection ends.
    public var stallTimeout: Duration = .seconds(600)
    /// How long a peer may leave sent bytes unacknowledged before it counts as gone. Looked at with each heartbeat.
    public var peerTimeout: Duration = .seconds(60)
    /// How long a peer has to take the last words and close.
    public var linger: Duration = .seconds(2)
    /// How long the log must be out of reach before open streams say so; a consumer that is recreated takes less.
    public var standingPatience: Duration = .seconds(1)
    /// Over how long a client's progress is measured when more than 1 MiB of answers wait for it in memory: one that takes less than 64 KiB of them
    /// reads too slowly.
    public var unsentPatience: Duration = .seconds(15)
    /// Bytes of answers that may wait in memory for one client, however fast it reads: 16 times the largest answer that the relay's other bounds allow.
    public var maxUnsentBytes = 128 * 1024 * 1024
    /// As ``maxUnsentBytes``, for all clients together. Beyond it those end that hold more than an equal share.
    public var maxUnsentBytesOfAll = 256 * 1024 * 1024
    /// Bytes of the log that may be held for all connections together whose sockets are full; beyond it they are read again when they are wanted.
    public var maxLaggardBytes = 64 * 1024 * 1024
    /// Open streams of this process; 0 for no limit.
    public var maxConnections = 0
    /// Open streams of one tenant on this process; 0 for no limit.
    public var maxConnectionsPerTenant = 0
    /// Delivery threads.
    public var deliveryLoops = 1
    /// Bytes that one connection may write in one go while others wait.
    public var bytesPerTurn = 256 * 1024
    /// Bytes the kernel may hold for one connection.
    public var sendBuffer: Int32 = 64 * 1024
    /// Bytes of encoded events kept in memory, over all tenants.
    public var pageBytes = 32 * 1024 * 1024
    /// Bytes of one chunk read from the log for a connection that is older than memory.
    public var chunkBytes = 64 * 1024
    /// The time of day: for token expiry and what is stamped with it.
    public var wallClock: @Sendable () -> Timestamp = { .now }

    /// When the kernel gives up on a peer that takes nothing: well after the edge does, so that the last words can still arrive.
    var kernelPatience: Duration { self.stallTimeout + .seconds(120) }

    public init() {}
}
