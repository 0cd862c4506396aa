import EventLog
import EventModel

/// The executions of one agent or workflow, as far as they were read: the current one, and its predecessors.
struct ExecutionRuns {
    var current = ExecutionTrack()
    /// The executions before the current one, in the log's order; nil until one is requested.
    var formers: [ExecutionSpan]?

    /// Adds the next entry. Returns whether viewers receive it.
    mutating func take(_ entry: LogEntry) -> Bool {
        guard let place = entry.execution else { return false }
        if place.run != self.current.run, let span = self.current.span { self.formers?.append(span) }
        return self.current.take(place, sequence: entry.sequence)
    }

    /// Removes entries that the log no longer keeps.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    mutating func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.current.trim(to: retention)
        // Drop the list; the next request reads what remains.
        if !deleted.isEmpty || self.formers?.first.map({ $0.firstSequence < retention.firstSequence }) == true { self.formers = nil }
    }
}

/// An agent or a workflow with a viewer or a lease.
struct FollowedExecution {
    /// The generation of the log in which it is followed.
    private(set) var generation: UInt32
    /// The executions; nil until they are loaded.
    var runs: ExecutionRuns?
    /// Entries of the feed that wait until the executions are loaded.
    private(set) var pending: [LogEntry] = []
    /// Number of leases.
    var leases = 1
    /// How often it has become idle.
    var idleTimes = 0

    /// Begins to follow.
    init(generation: UInt32) { self.generation = generation }

    /// Adds the next entry of the feed. Returns whether viewers receive it now; until the executions are loaded, the entry waits.
    mutating func take(_ entry: LogEntry) -> Bool {
        guard self.runs != nil else {
            self.pending.append(entry)
            return false
        }
        return self.runs?.take(entry) ?? false
    }

    /// Stores the executions read from the log. Returns the entries that waited, to be added next.
    mutating func loaded(_ runs: ExecutionRuns) -> [LogEntry] {
        defer { self.pending = [] }
        self.runs = runs
        return self.pending
    }

    /// Removes entries that the log no longer keeps.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    mutating func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.pending.removeAll { retention.hasDropped($0.sequence) }
        self.runs?.trim(to: retention, deleted: deleted)
    }

    /// The log was replaced: there is no execution in it yet.
    mutating func logReplaced(generation: UInt32) {
        self.generation = generation
        self.pending = []
        if self.runs != nil { self.runs = ExecutionRuns() }
    }
}
