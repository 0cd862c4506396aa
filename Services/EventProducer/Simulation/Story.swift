import Basics
import EventModel

/// Something that unfolds in one tenant over several events: an incident, an issue, a pattern, a job, an agent, a workflow.
///
/// All chance is drawn when a story is written; telling it only takes the moments in.
struct Story: Sendable {
    /// One step of a story.
    struct Step: Sendable {
        /// How long nothing happens before it.
        var pause: Duration = .zero
        /// What happens, given the moment at which it does.
        var happening: @Sendable (Timestamp) -> Happening

        init(after pause: Duration = .zero, _ happening: @escaping @Sendable (Timestamp) -> Happening) {
            self.pause = pause
            self.happening = happening
        }
    }

    private let steps: [Step]
    private var told = 0
    /// The moment from which on the next step may happen.
    private(set) var continuesAt: Timestamp
    /// What runs in it, when its events are those of an execution; nil for events of the tenant.
    let performance: Performance?

    /// - Parameter steps: at least one.
    init(_ steps: [Step], at now: Timestamp, of performance: Performance? = nil) {
        precondition(!steps.isEmpty, "A story without steps would never happen.")
        self.steps = steps
        self.performance = performance
        continuesAt = now.advanced(by: steps[0].pause)
    }

    /// Whether everything has been told.
    var isOver: Bool { told == steps.count }

    /// What happens next. Called before ``continuesAt``, the pause is cut short. Must not be called when the story is over.
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
    /// The same for people, on one line.
    var summary: String
    /// Whom alone it is for; nil for everyone in the tenant.
    var user: UserID?
    /// The event's payload.
    var payload: JSONObject
}

/// Who takes part, and what the simulation may do in their name.
struct Cast: Sendable {
    /// Whose stories there are.
    var tenants: [Tenant]
    /// The people of every tenant, by user id.
    var users: [UserID]
    /// Whether the simulation decides on approvals itself instead of leaving them to people.
    var decidesApprovals = false
}
