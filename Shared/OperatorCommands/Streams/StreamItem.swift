/// What a follower of a stream of server-sent events receives, in order.
enum StreamItem: Sendable, Hashable {
    /// A connection carries the stream: the first one, or one after ``lost(because:pause:)``.
    ///
    /// `execution` is the execution's id of an execution stream (header `Causeway-Execution`).
    case opened(execution: String?)
    case event(StreamEvent)
    /// Events are missing (contract §3): `expired` or `unknown_cursor`, and the first event still kept.
    case gap(reason: String, missedBefore: String?)
    /// The log is out of reach; events of this time follow later.
    case stalled
    /// The stream follows the log again.
    case live
    /// The connection ended; the follower resumes after `pause`.
    case lost(because: String, pause: Duration)
}

/// An event of a stream.
struct StreamEvent: Sendable, Hashable {
    /// The cursor to resume behind this event: `evt_…`, or a number on execution streams.
    var id: String?
    var type: String
    /// JSON, in one line.
    var data: String
}
