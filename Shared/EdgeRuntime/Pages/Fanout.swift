public import Basics
public import EventLog
import EventModel
import Synchronization

/// Informs a loop that one of its chains has grown. Called on the feed's thread.
protocol ChainReader: AnyObject, Sendable {
    /// `chain` has new entries, or was restarted.
    /// - Parameters:
    ///   - intake: The intake time of the entry, if its latency is measured.
    ///   - trace: The delivery of a traced entry; one part of it is open for this reader and chain, which must close it.
    func chainGrew(_ chain: PageChain, intake: Timestamp?, trace: TracedDelivery?)
    /// The log's retention has changed. Any thread.
    func logTrimmed(to retention: LogRetention)
}

extension ChainReader {
    func chainGrew(_ chain: PageChain) { self.chainGrew(chain, intake: nil, trace: nil) }
    func logTrimmed(to retention: LogRetention) {}
}

/// The position of the process's feed.
struct FeedPosition: Sendable {
    /// The generation of the log, and the last sequence handled by every chain.
    var position: ChainPosition
    /// The time part of a cursor to here: the time of the message at this position, or else of the last one before it.
    var time: Timestamp
    var epoch: UInt16
    /// Where this generation of the log, or the part of it that is followed, began.
    var lifeStart: Cursor
    /// The generation in which the log was last replaced by another. Later generations are of the same log, of which the feed missed a
    /// part.
    var replacedAt: UInt32 = 0

    var cursor: Cursor { self.cursor(at: self.position.sequence) }

    /// Returns a cursor to another position of the same log.
    func cursor(at sequence: UInt64) -> Cursor { Cursor(time: self.time, epoch: self.epoch, sequence: sequence) }
}

/// Connects the feed to the loops: encodes each event once for each encoding with readers, and wakes their loops.
///
/// Chains are identified by source and encoding; a source is a tenant's events or an execution. A tenant without readers costs
/// one lookup in a table; an entry of an execution without viewers is not decoded. The feed's thread is the only writer; loops register
/// and unregister as readers.
public final class Fanout: LogObserver, Sendable {
    /// Identifies a chain by source and encoding.
    struct Key: Hashable {
        var source: LogSource
        var encoder: String
    }

    struct State {
        var feed: FeedPosition
        var chains = ChainTable()
        /// The executions with viewers, by subject: checked by the feed before it decodes.
        var executions: [String: FollowedExecution] = [:]
        var scratch: [UInt8] = []
        /// The ranges deleted from the log, as last reported.
        var deleted = DeletedSequences.none
    }

    /// Modified here and in `Fanout+Executions.swift`.
    let state: Mutex<State>
    /// Whether ``State/executions`` is not empty: saves the feed the lock.
    let isAnyExecutionFollowed = Atomic<Bool>(false)
    /// How long an execution is followed after its last viewer has left.
    let executionLinger: Duration
    private let deliveryLog: DeliveryLog?
    /// Bytes of pages over all chains of tenants, and as many over all chains of executions; each chain has an even share.
    private let pageBytes: Int
    /// Every chain may keep this many bytes, and allocates only what its events need. Ten thousand full chains exceed the bound only by
    /// little, and entries evicted early are read from the tail or the log.
    private static let smallestShare = 8 * 1024

    /// - Parameters:
    ///   - pageBytes: Memory for encoded pages over all tenants, in bytes, and as much over all executions.
    ///   - deliveryLog: Receives traced events.
    public convenience init(epoch: UInt16, pageBytes: Int, deliveryLog: DeliveryLog? = nil) {
        self.init(epoch: epoch, pageBytes: pageBytes, deliveryLog: deliveryLog, executionLinger: .seconds(10))
    }

    init(epoch: UInt16, pageBytes: Int, deliveryLog: DeliveryLog? = nil, executionLinger: Duration) {
        self.pageBytes = pageBytes
        self.deliveryLog = deliveryLog
        self.executionLinger = executionLinger
        let start = ChainPosition(generation: 0, sequence: 0)
        let none = Timestamp(millisecondsSinceEpoch: 0)
        let lifeStart = Cursor(time: none, epoch: epoch, sequence: 0)
        self.state = Mutex(State(feed: FeedPosition(position: start, time: none, epoch: epoch, lifeStart: lifeStart)))
    }

    /// The feed's position: every chain has handled everything up to here. Any thread.
    var feed: FeedPosition { self.state.withLock { $0.feed } }

    /// Returns the chain of `source` for `encoder`, created when absent. Any thread.
    func chain(for source: LogSource, encoder: any StreamEncoder, reader: any ChainReader) -> PageChain {
        self.state.withLock { state in
            var position = state.feed.position
            if case .execution(let reference) = source {
                // Only a lease loads an execution; a connection without one has nothing to view.
                guard let runs = state.executions[reference.subject]?.runs else {
                    return PageChain(source: source, encoder: encoder, position: position)
                }
                // An event of an execution is appended before the feed's position advances.
                position.sequence = max(position.sequence, runs.current.lastSequence)
            }
            return state.chains.add(reader, to: source, encoder, from: position)
        }
    }

    /// Unregisters `reader`, which has no connection left on `chain`. Without readers the chain of a tenant is removed at once, that of an
    /// execution after ``executionLinger``. Any thread.
    func release(_ chain: PageChain, reader: any ChainReader) {
        switch chain.source {
        case .events:
            self.state.withLock { state in
                state.chains.remove(reader, from: chain)
                state.chains.dropUnread(of: chain.source)
            }
        case .execution(let reference):
            let idle = self.state.withLock { state in
                state.chains.remove(reader, from: chain)
                return state.idleTimes(of: reference)
            }
            if let idle { self.forgetLater(reference, idle) }
        }
    }

    /// Number of chains of tenants' events.
    var chainCount: Int { self.state.withLock { $0.chains.eventChains } }

    /// Returns the bytes that each of `count` chains may keep.
    func share(ofChains count: Int) -> Int { max(Self.smallestShare, self.pageBytes / max(1, count)) }

    // MARK: LogObserver (the feed's thread)

    public func logAppended(_ entry: LogEntry) {
        self.state.withLock { state in
            let trace = self.trace(of: entry, epoch: state.feed.epoch)
            defer { trace?.closePart() }
            self.append(entry, of: .events(of: entry.event.tenant), trace: trace, to: &state)
            state.feed.position.sequence = entry.sequence
            state.feed.time = entry.intake
        }
    }

    public func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool {
        guard self.isAnyExecutionFollowed.load(ordering: .acquiring) else { return false }
        let subject = String(decoding: subject, as: UTF8.self)
        return self.state.withLock { $0.executions[subject] != nil }
    }

    public func executionAppended(_ entry: LogEntry) {
        guard let reference = entry.execution?.reference else { return }
        self.state.withLock { state in
            let trace = self.trace(of: entry, epoch: state.feed.epoch)
            defer { trace?.closePart() }
            guard state.executions[reference.subject]?.take(entry) == true else { return }
            self.append(entry, of: .execution(reference), trace: trace, to: &state)
        }
    }

    private func trace(of entry: LogEntry, epoch: UInt16) -> TracedDelivery? {
        entry.event.traceparent == nil ? nil : self.deliveryLog?.begin(entry, epoch: epoch)
    }

    /// Encodes an entry into every chain of its source and wakes the readers.
    func append(_ entry: LogEntry, of source: LogSource, trace: TracedDelivery?, to state: inout State) {
        guard let chains = state.chains[source] else { return }
        let isOfExecution = entry.execution != nil
        let parts = isOfExecution ? state.chains.executionParts(of: source.tenant) : state.chains.eventChains
        let budget = self.share(ofChains: parts)
        let cursor = entry.cursor(epoch: state.feed.epoch)
        for read in chains {
            read.chain.append(entry, cursor: cursor, scratch: &state.scratch, budget: budget)
            for reader in read.readers.values {
                trace?.openPart()
                // Latency is measured for tenants' events only.
                reader.chainGrew(read.chain, intake: isOfExecution ? nil : entry.intake, trace: trace)
            }
        }
    }

    public func logAdvanced(to sequence: UInt64, time: Timestamp?) {
        self.state.withLock { state in
            guard sequence > state.feed.position.sequence else { return }
            state.feed.position.sequence = sequence
            if let time { state.feed.time = time }
        }
    }

    public func logReplaced(epoch: UInt16, position: UInt64) { self.logReplaced(epoch: epoch, position: position, time: nil) }

    public func logReplaced(epoch: UInt16, position: UInt64, time: Timestamp?) {
        self.state.withLock { state in
            state.feed.epoch = epoch
            // The time of another log must not be taken for that of an entry of this one.
            state.feed.time = time ?? Timestamp(millisecondsSinceEpoch: 0)
            self.restart(&state, at: position)
            state.feed.replacedAt = state.feed.position.generation
        }
    }

    public func logPassedOver(through position: UInt64) {
        self.state.withLock { self.restart(&$0, at: position) }
    }

    /// Restarts all chains at `position`; their readers send a gap.
    private func restart(_ state: inout State, at position: UInt64) {
        state.feed.position = ChainPosition(generation: state.feed.position.generation &+ 1, sequence: position)
        state.feed.lifeStart = state.feed.cursor
        for subject in state.executions.keys {
            state.executions[subject]?.logReplaced(generation: state.feed.position.generation)
        }
        state.chains.restart(at: state.feed.position)
    }

    // MARK: Retention (any thread)

    public func logTrimmed(to retention: LogRetention) {
        let readers: [ObjectIdentifier: any ChainReader] = self.state.withLock { state in
            guard retention.epoch == state.feed.epoch else { return [:] }
            let deleted = retention.deleted.ranges(notIn: state.deleted)
            state.deleted = retention.deleted
            for subject in state.executions.keys { state.executions[subject]?.trim(to: retention, deleted: deleted) }
            return state.chains.trim(to: retention, deleted: deleted)
        }
        for reader in readers.values { reader.logTrimmed(to: retention) }
    }
}
