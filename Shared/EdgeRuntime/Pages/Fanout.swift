public import Basics
public import EventLog
import EventModel
import Synchronization

/// What a loop learns when one of its chains has grown. Called on the feed's thread.
protocol ChainReader: AnyObject, Sendable {
    /// `chain` has new entries, or was restarted.
    /// - Parameters:
    ///   - intake: When the entry was taken in, where its delay counts.
    ///   - trace: What follows the entry, if it is traced; a part of it is open for this reader and chain, which must close it.
    func chainGrew(_ chain: PageChain, intake: Timestamp?, trace: TracedDelivery?)
    /// What the log keeps now. Any thread.
    func logTrimmed(to retention: LogRetention)
}

extension ChainReader {
    func chainGrew(_ chain: PageChain) { self.chainGrew(chain, intake: nil, trace: nil) }
    func logTrimmed(to retention: LogRetention) {}
}

/// Where the process's feed stands.
struct FeedPosition: Sendable {
    /// The life of the log and the last sequence that every chain has taken in.
    var position: ChainPosition
    /// The time part of a cursor to here: that of the message at this place; where none stands, of the last one before it.
    var time: Timestamp
    var epoch: UInt16
    /// Where this life of the log, or the part of it that is followed, began.
    var lifeStart: Cursor
    /// The generation in which the log was last replaced by another. Later ones are of the same log, of which the feed missed a part.
    var replacedAt: UInt32 = 0

    var cursor: Cursor { self.cursor(at: self.position.sequence) }

    /// A cursor at another place of the same log.
    func cursor(at sequence: UInt64) -> Cursor { Cursor(time: self.time, epoch: self.epoch, sequence: sequence) }
}

/// Between the feed and the loops: encodes each event once for each encoding that has readers, and wakes their loops.
///
/// A tenant's events and the events of an execution are sources alike: chains are told apart by source and encoding. A tenant without readers costs
/// nothing but a look into a table, an execution without viewers is not even decoded. The feed's thread is the only writer; loops register
/// and unregister their interest.
public final class Fanout: LogObserver, Sendable {
    /// Chains are told apart by source and encoding.
    struct Key: Hashable {
        var source: LogSource
        var encoder: String
    }

    struct State {
        var feed: FeedPosition
        var chains = ChainTable()
        /// The executions with viewers, by subject: the feed asks before it decodes.
        var executions: [String: FollowedExecution] = [:]
        var scratch: [UInt8] = []
        /// The holes in what the log keeps, as they were last seen.
        var deleted = DeletedSequences.none
    }

    /// Changed here and by what follows executions (`Fanout+Executions.swift`).
    let state: Mutex<State>
    /// Whether ``State/executions`` holds any: spares the feed the lock.
    let isAnyExecutionFollowed = Atomic<Bool>(false)
    /// How long an execution is followed after its last viewer has gone.
    let executionLinger: Duration
    private let deliveryLog: DeliveryLog?
    /// Bytes of pages over all chains of tenants, and as many over all chains of executions; each chain gets an even share of it.
    private let pageBytes: Int
    /// A chain may always keep this much, and keeps no more than its events need. Ten thousand chains that fill it keep little more than the bound, and
    /// what leaves them early is read from the tail or the log.
    private static let smallestShare = 8 * 1024

    /// - Parameters:
    ///   - pageBytes: Memory for encoded pages over all tenants, in bytes, and over all executions.
    ///   - deliveryLog: Is told of traced events.
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

    /// Where the feed stands: every chain holds everything up to here. Any thread.
    var feed: FeedPosition { self.state.withLock { $0.feed } }

    /// The chain of `source` for `encoder`, created when absent. Any thread.
    func chain(for source: LogSource, encoder: any StreamEncoder, reader: any ChainReader) -> PageChain {
        self.state.withLock { state in
            var position = state.feed.position
            if case .execution(let reference) = source {
                // Only a lease makes an execution known; a connection without one has nothing to view.
                guard let runs = state.executions[reference.subject]?.runs else {
                    return PageChain(source: source, encoder: encoder, position: position)
                }
                // An event of an execution is told before the feed's place is.
                position.sequence = max(position.sequence, runs.current.lastSequence)
            }
            return state.chains.add(reader, to: source, encoder, from: position)
        }
    }

    /// `reader` has no connection on `chain` any more. Without readers the chain of a tenant goes at once, that of an execution a while later. Any
    /// thread.
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

    /// Chains of tenants' events with readers.
    var chainCount: Int { self.state.withLock { $0.chains.eventChains } }

    /// How many bytes a chain may keep when there are `count` like it.
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
        let budget = self.share(ofChains: isOfExecution ? state.chains.executionChains : state.chains.eventChains)
        let cursor = entry.cursor(epoch: state.feed.epoch)
        for read in chains {
            read.chain.append(entry, cursor: cursor, scratch: &state.scratch, budget: budget)
            for reader in read.readers.values {
                trace?.openPart()
                // The delay of tenants' events is measured.
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
            // A time of another log would be taken for that of an entry of this one.
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

    // MARK: What the log keeps (any thread)

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
