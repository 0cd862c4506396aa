import EventLog
import EventModel

/// The executions of one agent or workflow, as far as they have been read: the current one, and those before it.
struct ExecutionRuns {
    var current = ExecutionTrack()
    /// The executions before the current one, in the log's order; nil until one is requested.
    var formers: [ExecutionSpan]?

    /// Takes in the next entry. Returns whether viewers see it.
    mutating func take(_ entry: LogEntry) -> Bool {
        guard let place = entry.execution else { return false }
        if place.run != self.current.run, let span = self.current.span { self.formers?.append(span) }
        return self.current.take(place, sequence: entry.sequence)
    }

    /// Forgets what the log does not keep any more.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    mutating func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.current.trim(to: retention)
        // What remains of them is read again on request.
        if !deleted.isEmpty || self.formers?.first.map({ $0.firstSequence < retention.firstSequence }) == true { self.formers = nil }
    }
}

/// An agent or a workflow with a viewer or a lease.
struct FollowedExecution {
    /// The life of the log in which it is followed.
    private(set) var generation: UInt32
    /// Nil until they are loaded.
    var runs: ExecutionRuns?
    /// What the feed brought meanwhile.
    private(set) var pending: [LogEntry] = []
    /// How many are about to read.
    var leases = 1
    /// Counts how often it has become idle.
    var idleTimes = 0

    /// It is followed from here on.
    init(generation: UInt32) { self.generation = generation }

    /// Takes in the next entry of the feed. Returns whether viewers see it now; before the runs are loaded, it waits until they are.
    mutating func take(_ entry: LogEntry) -> Bool {
        guard self.runs != nil else {
            self.pending.append(entry)
            return false
        }
        return self.runs?.take(entry) ?? false
    }

    /// The runs were read from the log. Returns what waited for that, and is to be taken in next.
    mutating func loaded(_ runs: ExecutionRuns) -> [LogEntry] {
        defer { self.pending = [] }
        self.runs = runs
        return self.pending
    }

    /// Forgets what the log does not keep any more.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    mutating func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.pending.removeAll { retention.hasDropped($0.sequence) }
        self.runs?.trim(to: retention, deleted: deleted)
    }

    /// The log is another one, which has no execution yet.
    mutating func logReplaced(generation: UInt32) {
        self.generation = generation
        self.pending = []
        if self.runs != nil { self.runs = ExecutionRuns() }
    }
}
