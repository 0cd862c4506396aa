import Basics
import EventModel

/// A sequence of related events in one tenant: an incident, an issue, a pattern, a job, an agent, a workflow.
///
/// All random values are drawn when a story is generated; its steps depend only on the time.
struct Story: Sendable {
    /// One step of a story.
    struct Step: Sendable {
        /// The pause before the step.
        var pause: Duration = .zero
        /// Returns the event for a time.
        var happening: @Sendable (Timestamp) -> Happening

        init(after pause: Duration = .zero, _ happening: @escaping @Sendable (Timestamp) -> Happening) {
            self.pause = pause
            self.happening = happening
        }
    }

    private let steps: [Step]
    private var told = 0
    /// The earliest time of the next step.
    private(set) var continuesAt: Timestamp
    /// The execution that the events are of; nil for events of the tenant.
    let performance: Performance?

    /// - Parameter steps: at least one.
    init(_ steps: [Step], at now: Timestamp, of performance: Performance? = nil) {
        precondition(!steps.isEmpty, "A story without steps would never happen.")
        self.steps = steps
        self.performance = performance
        continuesAt = now.advanced(by: steps[0].pause)
    }

    /// Whether no steps are left.
    var isOver: Bool { told == steps.count }

    /// Returns the next event. A call before ``continuesAt`` shortens the pause. Must not be called when no steps are left.
    mutating func advance(at now: Timestamp) -> Happening {
        let step = steps[told]
        told += 1
        continuesAt = isOver ? now : now.advanced(by: steps[told].pause)
        return step.happening(now)
    }
}

/// One step of a story, before it becomes an event.
struct Happening: Sendable {
    /// The event's type (contract §2, or §9 in an execution).
    var type: String
    /// A summary on one line.
    var summary: String
    /// The only recipient; nil for everyone in the tenant.
    var user: UserID?
    /// The event's payload.
    var payload: JSONObject
}

/// The tenants and users of a simulation.
struct Cast: Sendable {
    /// The tenants that have stories.
    var tenants: [Tenant]
    /// The users of every tenant, by id.
    var users: [UserID]
    /// Whether the simulation decides approvals itself instead of leaving them to people.
    var decidesApprovals = false
}
