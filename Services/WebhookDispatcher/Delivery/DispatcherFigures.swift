/// What the dispatcher reports to metrics. Of the endpoints that this process is chosen for, unless stated otherwise.
struct DispatcherFigures: Sendable, Equatable {
    /// Endpoints of all tenants and processes.
    var known = 0
    /// Endpoints that the members choose this process for.
    var owned = 0
    /// Of these, by state: `pending`, `enabled`, `failing`, `disabled`.
    var states: [String: Int] = [:]
    /// Endpoints that are driven at the moment; the others are idle.
    var driven = 0
    /// Attempts under way.
    var underWay = 0
    /// Attempts since the start by outcome: `delivered`, `status_3xx`, `status_4xx`, `status_5xx`, `status_other`, and ``AttemptOutcome/Failure/label``.
    var attempts: [String: UInt64] = [:]
    /// Endpoints that this process disabled since its start.
    var disablings: UInt64 = 0
    /// The time since the intake of the oldest event that an endpoint has not taken, over all of them; disabled ones do not count.
    var lag: Duration = .zero
    /// Bytes of messages that wait or are under way; one that several endpoints get counts for each.
    var heldBytes = 0
}
