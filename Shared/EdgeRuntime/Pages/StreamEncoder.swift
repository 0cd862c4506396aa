public import Basics
public import EventLog
public import EventModel

/// Encodes what an edge sends: besides handshake and input, the only difference between the edges.
///
/// All members return bytes as sent on the socket. They are called rarely (once per event, tick or connection, never
/// once per event *and* connection), on the feed's thread and on delivery loops.
public protocol StreamEncoder: Sendable {
    /// Identifies the encoding: encoders of the same name write the same bytes, and their connections share pages of a source.
    var name: String { get }
    /// Appends an entry of the source as sent to all connections. Must write the same bytes for the same entry each time: a
    /// connection interrupted within an entry continues within a new encoding of it.
    ///
    /// - Parameter cursor: the cursor of the entry.
    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8])
    /// The topic of an event, for surfaces whose clients request single topics; kept in the index of pages. `nil` by default.
    func topic(of event: Event) -> Topic?
    /// Whether ``topic(of:)`` ever returns one: their memory is counted. False by default.
    var hasTopics: Bool { get }
    /// The interval between heartbeats on a quiet connection; `nil`, the default, for the configured one.
    var heartbeatInterval: Duration? { get }
    /// The length of the separator at the beginning of each entry, in bytes: a batch omits it from its first entry. 0 by default.
    var separatorLength: Int { get }
    /// The first bytes of a connection. A ``gap(_:time:)``, if any, follows.
    func opening(_ opening: Opening) -> [UInt8]
    /// A heartbeat at `time`; resuming from `cursor` loses nothing. Empty where the surface has none. `isLive`: whether the log is
    /// followed.
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8]
    /// Reports that the log is out of reach, or back (contract §3). Empty by default: a heartbeat reports it.
    func standing(_ standing: LogStanding) -> [UInt8]
    /// Reports a gap at `time`, and the position at which the connection continues.
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8]
    /// Reports at `time` that the connection's token was renewed, and expires at `expiry` (contract §13). Empty by default: the surface's
    /// conversation reports it, or its clients cannot renew.
    func authenticated(until expiry: Timestamp, time: Timestamp) -> [UInt8]
    /// Ends a batch (``EndPolicy/afterBatch(_:)``), whatever the ending; precedes the ``farewell(_:retry:)``. Empty by default.
    ///
    /// - Parameters:
    ///   - cursor: the position from which the client continues without loss.
    ///   - gap: the gap before `cursor`; nil for none.
    func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8]
    /// Reports the end of a connection; on a WebSocket the last part is the close frame. Empty where the surface cannot report it.
    ///
    /// - Parameter retry: the reconnect delay, where the encoding has one.
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8]
}

extension StreamEncoder {
    /// Nil: the surface has no topics.
    public func topic(of event: Event) -> Topic? { nil }
    /// False: as above.
    public var hasTopics: Bool { false }
    /// Nil: the configured interval.
    public var heartbeatInterval: Duration? { nil }
    /// 0: no separator.
    public var separatorLength: Int { 0 }
    /// Empty: the surface does not report outages.
    public func standing(_ standing: LogStanding) -> [UInt8] { [] }
    /// Empty: the encoder reports no renewal.
    public func authenticated(until expiry: Timestamp, time: Timestamp) -> [UInt8] { [] }
    /// Empty: the stream has no conclusion.
    public func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8] { [] }
}

/// The state at the beginning of a connection.
public struct Opening: Sendable {
    /// Where delivery begins, for a client that resumes. Nil if a gap follows: a client that stored the cursor and lost the connection before the
    /// gap arrived would resume behind the missing events without being told.
    public var cursor: Cursor?
    /// The reconnect delay for a client whose connection breaks.
    public var retry: Duration
    /// The head of the response, created by the service.
    public var head: [UInt8]
    /// The tenant whose events are sent.
    public var tenant: Tenant
    /// The user; nil on a connection that is refused.
    public var user: UserID?
    /// The current time.
    public var time: Timestamp
}
