public import Basics
public import EventLog
public import EventModel

/// How an edge writes what it has to say: the one thing, besides handshake and inbound handling, in which the edges differ.
///
/// All members return bytes as they go to the socket. They are called rarely (once per event, tick or connection, never
/// once per event *and* connection), from the feed's thread and from delivery loops.
public protocol StreamEncoder: Sendable {
    /// Encoders of one name write the same. Their connections share pages where they read the same source.
    var name: String { get }
    /// Appends an entry of the source as it is delivered to all connections. Must give the same bytes for the same entry each time: a
    /// connection that stopped in the middle of an entry goes on in the middle of a fresh encoding of it.
    ///
    /// - Parameter cursor: that of the entry.
    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8])
    /// What an event is about, for surfaces whose clients ask for single topics; kept in the pages' index. `nil` unless the encoder says otherwise.
    func topic(of event: Event) -> IncidentID?
    /// Between two signs of life on a quiet connection; `nil`, unless the encoder says otherwise, for the edge's own.
    var heartbeatInterval: Duration? { get }
    /// How many bytes at the beginning of each entry only separate it from the one before: a batch leaves them out before its first entry. 0, unless
    /// the encoder says otherwise.
    var separatorLength: Int { get }
    /// What a connection gets at once; resuming from it loses nothing.
    func opening(_ opening: Opening) -> [UInt8]
    /// The sign of life at `time`; resuming from `cursor` loses nothing. Empty where the surface has none. `isLive` says whether the log is followed.
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8]
    /// Tells that the log is out of reach, or back (contract §3). Empty, unless the encoder says otherwise, where a heartbeat tells it.
    func standing(_ standing: LogStanding) -> [UInt8]
    /// Tells a gap at `time`, and the place from which the connection goes on.
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8]
    /// Ends a batch (``EndPolicy/afterBatch(_:)``), whyever it ends; goes before the ``farewell(_:retry:)``. Empty, unless the encoder says otherwise.
    ///
    /// - Parameters:
    ///   - cursor: the place from which the client goes on and loses nothing.
    ///   - gap: what the client missed before `cursor`; nil for nothing.
    func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8]
    /// What a client is told of its connection's end; on a WebSocket the last of it is the close frame. Empty where the surface has no words for it.
    ///
    /// - Parameter retry: when the client is to come back, where the encoder can say so.
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8]
}

extension StreamEncoder {
    /// Nil: the surface has no topics.
    public func topic(of event: Event) -> IncidentID? { nil }
    /// Nil: the configured interval.
    public var heartbeatInterval: Duration? { nil }
    /// 0: no separator.
    public var separatorLength: Int { 0 }
    /// Empty: the surface does not report outages.
    public func standing(_ standing: LogStanding) -> [UInt8] { [] }
    /// Empty: the stream has no conclusion.
    public func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8] { [] }
}

/// What is known when a connection begins.
public struct Opening: Sendable {
    /// Resuming from here loses nothing.
    public var cursor: Cursor
    /// When a client whose connection breaks is to come back.
    public var retry: Duration
    /// The head of the response, made by the service.
    public var head: [UInt8]
    /// Whose events they are.
    public var tenant: Tenant
    /// Who reads them; nil on a connection that is refused.
    public var user: UserID?
    /// Now.
    public var time: Timestamp
}
