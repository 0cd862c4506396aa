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

    /// An approval that a story waits for after its steps.
    struct Wait: Sendable {
        /// The approval.
        var approvalID: ApprovalID
        /// How long the story waits for the decision.
        var patience: Duration
        /// Returns the steps that follow the decision, at least one. Without a decision, those of a wait that was cut short.
        var steps: @Sendable (StoryDecision?) -> [Step]
    }

    private var steps: [Step]
    private var told = 0
    /// What follows the steps; nil for an end.
    private var wait: Wait?
    /// The earliest time of the next step.
    private(set) var continuesAt: Timestamp
    /// The execution that the events are of; nil for events of the tenant.
    let performance: Performance?

    /// - Parameters:
    ///   - steps: at least one.
    ///   - wait: what the story waits for after them; nil if it ends.
    init(_ steps: [Step], at now: Timestamp, of performance: Performance? = nil, then wait: Wait? = nil) {
        precondition(!steps.isEmpty, "A story without steps would never happen.")
        self.steps = steps
        self.performance = performance
        self.wait = wait
        continuesAt = now.advanced(by: steps[0].pause)
    }

    /// Whether no steps are left.
    var isOver: Bool { told == steps.count && wait == nil }

    /// The approval that the story waits for now; nil if it does not wait.
    var awaited: ApprovalID? { told == steps.count ? wait?.approvalID : nil }

    /// Returns the next event. A call before ``continuesAt`` shortens the pause, or the wait. Must not be called when the story is over.
    mutating func advance(at now: Timestamp) -> Happening {
        if told == steps.count { goOn(after: now < continuesAt ? nil : .expired, at: now) }
        let step = steps[told]
        told += 1
        let pause = told < steps.count ? steps[told].pause : wait?.patience ?? .zero
        continuesAt = now.advanced(by: pause)
        return step.happening(now)
    }

    /// Ends the wait: the steps that follow the decision are next. Does nothing if the story does not wait.
    mutating func goOn(after decision: StoryDecision?, at now: Timestamp) {
        guard awaited != nil, let wait else { return }
        self.wait = nil
        steps += wait.steps(decision)
        continuesAt = now.advanced(by: steps[told].pause)
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
