import EventLog

/// How the read model stands to one of the streams that it is drawn from: which of the stream's rows are there.
struct StreamState {
    /// Counts how often the reading began again; what was found out about the stream before counts for nothing then.
    var life = 0
    /// Everything before this sequence was dropped.
    var first: UInt64 = 0
    /// So was all of this.
    var deleted = DeletedSequences.none
    /// Whether the model holds what the stream held when the reading began.
    var isCaughtUp = false

    /// The reading begins again; what is deleted already will not come.
    func begun(_ deleted: DeletedSequences = .none) -> StreamState { StreamState(life: life + 1, deleted: deleted) }
}

/// The same of the log and of the read marks' stream.
struct StreamStates {
    var log = StreamState()
    var inbox = StreamState()
    /// The making of the file that this is said of.
    var generation = 0
}
