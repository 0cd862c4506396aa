public import Basics
public import EventModel

/// An event at its place in the log. Immutable, and shared by everybody who delivers it.
public final class LogEntry: Sendable {
    /// The place in the log, counting from 1 over all tenants.
    public let sequence: UInt64
    /// When the event was taken in: the time part of its cursor (contract §3).
    public let intake: Timestamp
    /// What happened.
    public let event: Event
    /// The place of which this is the only event, when it has one (contract §7); nil for the many that have none.
    public let decisionPlace: DecisionPlace?
    /// Which event of which execution it is (contract §9); nil for a tenant's events.
    public let execution: ExecutionPlace?

    /// Puts an event at a place.
    public init(sequence: UInt64, intake: Timestamp, event: Event, decisionPlace: DecisionPlace? = nil, execution: ExecutionPlace? = nil) {
        self.sequence = sequence
        self.intake = intake
        self.event = event
        self.decisionPlace = decisionPlace
        self.execution = execution
    }

    /// The event's id on every surface (contract §3).
    ///
    /// - Parameter epoch: the epoch of the log that the entry was read from.
    public func cursor(epoch: UInt16) -> Cursor {
        Cursor(time: intake, epoch: epoch, sequence: sequence)
    }
}
