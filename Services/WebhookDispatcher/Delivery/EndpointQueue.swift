import DequeModule

/// Endpoints in order, each at most once: however often one is queued, it takes one place. Confined to the dispatcher's actor.
struct EndpointQueue {
    private var order: Deque<TrackedEndpoint> = []
    private var members: Set<TrackedEndpoint> = []

    /// The number of endpoints.
    var count: Int { order.count }
    /// Whether there are none.
    var isEmpty: Bool { order.isEmpty }
    /// The next one; nil when it is empty.
    var first: TrackedEndpoint? { order.first }

    /// Adds an endpoint at the end; without effect on one that is there.
    mutating func append(_ row: TrackedEndpoint) {
        if members.insert(row).inserted { order.append(row) }
    }

    /// Removes and returns the next one.
    mutating func popFirst() -> TrackedEndpoint? {
        guard let row = order.popFirst() else { return nil }
        members.remove(row)
        return row
    }

    /// Removes an endpoint, if it is there.
    mutating func remove(_ row: TrackedEndpoint) {
        if members.remove(row) != nil { order.removeAll { $0 === row } }
    }

    /// Removes and returns those that are accepted, in their order.
    mutating func take(atMost limit: Int, where isAccepted: (TrackedEndpoint) -> Bool) -> [TrackedEndpoint] {
        guard limit > 0, !order.isEmpty else { return [] }
        var taken: [TrackedEndpoint] = []
        order.removeAll { row in
            guard taken.count < limit, isAccepted(row) else { return false }
            taken.append(row)
            members.remove(row)
            return true
        }
        return taken
    }
}
