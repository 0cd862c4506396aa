import Basics
import EventLog
public import EventModel

/// Everything the front decided about a stream before it left NIO: what a delivery loop needs to serve it.
struct ConnectionTicket: Sendable {
    /// Where the client is to begin. Contract §3.
    var start: StreamStart
    /// What it reads.
    var source: LogSource
    var audience: Audience
    /// Seconds since 1970 after which the token is no good.
    var expiresAt: Int64
    /// When the server ends it.
    var end = EndPolicy.never
    /// The head of the response.
    var head: [UInt8]
    /// What is made of what the client sends.
    var inbound = Inbound.ignored
    /// What it sent together with its handshake.
    var earlyBytes: [UInt8] = []
    /// What its descriptor counts against; nil where nothing is counted.
    var place: DescriptorBudget.Place?
    /// Ties the log line of the connection's end to that of its request.
    var requestID: String
    /// The trace of that request; nil for most.
    var traceID: String?
    /// The life of the log in which `start` was decided.
    var generation: UInt32
    /// Keeps what it is to read in memory until it reads.
    var lease: ExecutionLease?

    /// Whose events it reads.
    var tenant: Tenant { self.source.tenant }
}

/// Where a stream begins.
public enum StreamStart: Sendable, Hashable {
    /// With what happens from now on.
    case live
    /// With what follows this cursor.
    case after(Cursor)
    /// Something is missing: it is told, and what is still kept follows.
    case expired(missedBefore: Cursor)
    /// The cursor means nothing here: that is told, then live.
    case unknownCursor
    /// Likewise, and then what follows this place.
    case unknownCursorGoingOn(after: Cursor)
}

/// Names a connection within its loop for as long as it lives: a late report about a descriptor that was closed, and
/// whose number was given away again, finds no one.
struct ConnectionHandle: Sendable, Hashable {
    var slot: UInt32
    var generation: UInt32

    var token: UInt64 { UInt64(self.generation) << 32 | UInt64(self.slot) }

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    init(token: UInt64) {
        self.slot = UInt32(truncatingIfNeeded: token)
        self.generation = UInt32(truncatingIfNeeded: token >> 32)
    }
}
