public import Basics
public import EventModel

/// An event with its sequence in the log. Immutable; shared by all deliveries.
public final class LogEntry: Sendable {
    /// Its sequence, counted from 1 over all tenants.
    public let sequence: UInt64
    /// Intake time: the time part of its cursor (contract §3).
    public let intake: Timestamp
    /// The event.
    public let event: Event
    /// The create-once place of a decision or its effect (contract §7); nil for other events.
    public let approvalPlace: ApprovalPlace?
    /// Its execution and number (contract §9); nil for a tenant's events.
    public let execution: ExecutionPlace?

    /// Creates an entry.
    public init(sequence: UInt64, intake: Timestamp, event: Event, approvalPlace: ApprovalPlace? = nil, execution: ExecutionPlace? = nil) {
        self.sequence = sequence
        self.intake = intake
        self.event = event
        self.approvalPlace = approvalPlace
        self.execution = execution
    }

    /// The event's id on every surface (contract §3).
    ///
    /// - Parameter epoch: the epoch of the log that the entry was read from.
    public func cursor(epoch: UInt16) -> Cursor {
        Cursor(time: intake, epoch: epoch, sequence: sequence)
    }
}
