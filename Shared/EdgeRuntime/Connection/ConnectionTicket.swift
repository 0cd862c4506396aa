import AccessControl
import Basics
import EventLog
public import EventModel

/// Everything that a delivery loop needs to serve a stream, decided by the front before the connection left NIO.
struct ConnectionTicket: Sendable {
    /// Where the stream begins. Contract §3.
    var start: StreamStart
    /// The source that the connection reads.
    var source: LogSource
    var audience: Audience
    /// The token's; nil for a connection that is refused.
    var principal: Principal?
    /// When the server ends the stream.
    var end = EndPolicy.never
    /// The head of the response.
    var head: [UInt8]
    /// How input from the client is handled.
    var inbound = Inbound.ignored
    /// Bytes that the client sent together with its handshake.
    var earlyBytes: [UInt8] = []
    /// The place in the descriptor budget; nil where descriptors are not counted.
    var place: DescriptorBudget.Place?
    /// The request id: links the log line of the connection's end to that of its request.
    var requestID: String
    /// The trace of that request; nil without one.
    var traceID: String?
    /// The generation of the log in which `start` was resolved.
    var generation: UInt32
    /// Keeps the execution in memory until the connection reads it.
    var lease: ExecutionLease?

    /// The token's `exp`, in seconds since 1970.
    var expiresAt: Int64 { self.principal?.expiresAt ?? .max }

    /// The tenant of the source.
    var tenant: Tenant { self.source.tenant }
}

/// Where a stream begins.
public enum StreamStart: Sendable, Hashable {
    /// With the next event.
    case live
    /// After this cursor.
    case after(Cursor)
    /// Events are missing: send the gap, then continue with the first event kept.
    case expired(missedBefore: Cursor)
    /// The cursor is unknown here: send the gap, then live events.
    case unknownCursor
    /// The cursor is unknown here: send the gap, then continue after this cursor.
    case unknownCursorGoingOn(after: Cursor)
}

/// Identifies a connection within its loop. The generation makes a late report about a closed descriptor, whose number has been
/// reused, find no connection.
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
