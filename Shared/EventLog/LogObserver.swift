public import Basics

/// Who is told what the feed takes in.
///
/// Called on the feed's thread, one call at a time, in the order of the log; never for two lives of the log at once. An observer must
/// be quick, since the feed waits for it, and must not start or stop the feed from within a call.
public protocol LogObserver: Sendable {
    /// Whether it can take more. Asked before each message: while it cannot, the feed stops reading, and goes on where it was when it can. So no
    /// observer has a reason to wait in a call, which would hold up whatever else the bus delivers on the same thread. Any thread.
    var hasRoom: Bool { get }

    /// `entry` is the next event of the log. Sequences strictly increase. The tail already holds it.
    func logAppended(_ entry: LogEntry)

    /// Everything up to `sequence` has been told: what lies between the last entry and here is no event, or is gone.
    ///
    /// - Parameter time: the time part of a cursor to `sequence`; nil when nothing stands there.
    func logAdvanced(to sequence: UInt64, time: Timestamp?)

    /// Whether somebody wants the events of the execution on this subject. What nobody wants is not even decoded.
    func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool

    /// `entry` is the next event of an execution that is followed. ``logAdvanced(to:time:)`` comes behind it.
    func executionAppended(_ entry: LogEntry)

    /// The log was recreated or lost its end; what follows counts in another one, from `position` on.
    ///
    /// Cursors of the old life mean nothing any more. The tail is already empty.
    func logReplaced(epoch: UInt16, position: UInt64)

    /// As ``logReplaced(epoch:position:)``, with the time part of a cursor to `position`; nil when nothing stands there.
    func logReplaced(epoch: UInt16, position: UInt64, time: Timestamp?)

    /// Entries left the log before they could be read; what follows begins behind `position`. Everything up to there that was not told is missing.
    func logPassedOver(through position: UInt64)

    /// The next message of the log, event or not. What it means is told by the call that follows.
    func logDelivered(_ stamp: LogStamp)

    /// What the log keeps now: what lies before it or in its holes must not be handed out any more. Unlike the others, called on another
    /// thread, at any time and about once a second.
    func logTrimmed(to retention: LogRetention)
}

/// Most observers keep nothing.
extension LogObserver {
    public var hasRoom: Bool { true }
    public func logReplaced(epoch: UInt16, position: UInt64, time: Timestamp?) { logReplaced(epoch: epoch, position: position) }
    public func logPassedOver(through position: UInt64) { logAdvanced(to: position, time: nil) }
    public func logDelivered(_ stamp: LogStamp) {}
    public func logTrimmed(to retention: LogRetention) {}
}

/// Executions are for those who ask for them.
extension LogObserver {
    public func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool { false }
    public func executionAppended(_ entry: LogEntry) {}
}
