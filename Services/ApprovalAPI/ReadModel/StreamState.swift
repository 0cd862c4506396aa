import EventLog

/// State of reading one of the read model's source streams: which of the stream's messages were dropped from the model.
struct StreamState {
    /// Counts restarts of the reading; results of queries from before a restart are discarded.
    var life = 0
    /// Creation time of the stream beside the log that is read, which identifies it; 0 before the first reading, and for the log.
    var created: UInt64 = 0
    /// Everything before this sequence was dropped.
    var first: UInt64 = 0
    /// Further sequences that were dropped.
    var deleted = DeletedSequences.none
    /// Whether the model has reached the end that the stream had when the reading began.
    var isCaughtUp = false

    /// Returns the state for a restarted reading.
    ///
    /// - Parameter deleted: sequences that the stream has deleted already, which will not arrive.
    func begun(_ deleted: DeletedSequences = .none) -> StreamState { StreamState(life: life + 1, deleted: deleted) }
}

/// The states of the log and of the streams beside it.
struct StreamStates {
    var log = StreamState()
    var inbox = StreamState()
    var approvals = StreamState()
    /// The file generation that these describe.
    var generation = 0

    /// Whether the model has reached the end that each stream had when its reading began.
    var areCaughtUp: Bool { log.isCaughtUp && inbox.isCaughtUp && approvals.isCaughtUp }

    /// Returns the states for a new file generation: every reading restarts.
    func begun(generation: Int) -> StreamStates {
        StreamStates(log: log.begun(), inbox: inbox.begun(), approvals: approvals.begun(), generation: generation)
    }
}
