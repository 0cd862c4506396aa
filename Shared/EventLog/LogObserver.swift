public import Basics

/// Receives what the feed reads.
///
/// Called on the feed's thread, one call at a time, in the log's order, for one epoch at a time. An observer must be quick, since the feed
/// waits for it, and must not start or stop the feed within a call.
public protocol LogObserver: Sendable {
    /// Backpressure: whether it can take more. Checked before each message; while false, the feed stops reading, and later continues at the same
    /// position. So an observer never needs to block in a call, which would delay other deliveries of the bus on that thread. Any thread.
    var hasRoom: Bool { get }

    /// Reports the next event. Sequences strictly increase. The tail already holds it.
    func logAppended(_ entry: LogEntry)

    /// Reports that there are no further events up to `sequence`: other messages, or deleted ones.
    ///
    /// - Parameter time: the time part of a cursor to `sequence`; nil when the sequence is absent.
    func logAdvanced(to sequence: UInt64, time: Timestamp?)

    /// Returns whether events of this subject's execution are wanted. Others are not decoded.
    func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool

    /// Reports the next event of a followed execution. ``logAdvanced(to:time:)`` follows.
    func executionAppended(_ entry: LogEntry)

    /// Reports that the log was recreated or truncated; what follows is in the new epoch, behind `position`.
    ///
    /// Cursors of the old epoch are invalid. The tail is already empty.
    func logReplaced(epoch: UInt16, position: UInt64)

    /// As ``logReplaced(epoch:position:)``, with the time part of a cursor to `position`; nil when the sequence is absent.
    func logReplaced(epoch: UInt16, position: UInt64, time: Timestamp?)

    /// Reports that the log dropped unread entries: those up to `position` that were not reported are missing.
    func logPassedOver(through position: UInt64)

    /// Reports the stamp of the next message, event or not. The call that follows reports its meaning.
    func logDelivered(_ stamp: LogStamp)

    /// Reports what the log keeps: entries before it or in its holes must no longer be delivered. Unlike the other calls, on another thread, at any
    /// time, about once a second.
    func logTrimmed(to retention: LogRetention)
}

/// Defaults for observers that store nothing and are never full.
extension LogObserver {
    /// True: no backpressure.
    public var hasRoom: Bool { true }
    /// Ignores the time.
    public func logReplaced(epoch: UInt16, position: UInt64, time: Timestamp?) { logReplaced(epoch: epoch, position: position) }
    /// Treats dropped entries like absent ones.
    public func logPassedOver(through position: UInt64) { logAdvanced(to: position, time: nil) }
    /// Does nothing.
    public func logDelivered(_ stamp: LogStamp) {}
    /// Does nothing.
    public func logTrimmed(to retention: LogRetention) {}
}

/// Defaults for observers without executions.
extension LogObserver {
    /// False: follows no execution.
    public func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool { false }
    /// Does nothing.
    public func executionAppended(_ entry: LogEntry) {}
}
