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

/// Between the feed and the loops: encodes each event once per encoding that somebody reads, and wakes the loops that read it.
///
/// Tenants without readers cost nothing but a look into a table. The feed's thread is the only writer; loops register
/// and unregister their interest.
public final class Fanout: LogObserver, Sendable {
    /// Chains are told apart by tenant and encoding.
    struct Key: Hashable {
        var tenant: Tenant
        var encoder: String
    }

    private struct Readers {
        var chain: PageChain
        var readers: [ObjectIdentifier: any ChainReader] = [:]
    }

    private struct State {
        var feed: FeedPosition
        var chains: [Key: Readers] = [:]
        var encoders: [Tenant: [Key]] = [:]
        var scratch: [UInt8] = []
        /// The holes in what the log keeps, as they were last seen.
        var deleted = DeletedSequences.none
    }

    private let state: Mutex<State>
    private let deliveryLog: DeliveryLog?
    /// The executions that somebody views.
    let executions: ExecutionPages
    /// Bytes of pages over all chains; each gets an even share of it.
    private let pageBytes: Int
    /// A chain may always keep this much: two of the smallest pages. Ten thousand chains keep little more than the bound, and what leaves them early is read
    /// from the tail.
    private static let smallestShare = 8 * 1024

    /// - Parameters:
    ///   - pageBytes: Memory for encoded pages over all tenants, in bytes.
    ///   - deliveryLog: Is told of traced events.
    public init(epoch: UInt16, pageBytes: Int, deliveryLog: DeliveryLog? = nil) {
        self.pageBytes = pageBytes
        self.deliveryLog = deliveryLog
        self.executions = ExecutionPages(pageBytes: pageBytes)
        let start = ChainPosition(generation: 0, sequence: 0)
        let none = Timestamp(millisecondsSinceEpoch: 0)
        let lifeStart = Cursor(time: none, epoch: epoch, sequence: 0)
        self.state = Mutex(State(feed: FeedPosition(position: start, time: none, epoch: epoch, lifeStart: lifeStart)))
    }

    /// Where the feed stands: every chain holds everything up to here. Any thread.
    var feed: FeedPosition { self.state.withLock { $0.feed } }

    /// The chain of `tenant` for `encoder`, made when nobody reads it yet. Any thread.
    func chain(for tenant: Tenant, encoder: any StreamEncoder, reader: any ChainReader) -> PageChain {
        if let execution = encoder.execution {
            // Only a lease makes it known; a connection without one has nothing to view.
            return self.executions.chain(of: execution, reader: reader)
                ?? PageChain(tenant: tenant, encoder: encoder, position: self.feed.position)
        }
        return self.state.withLock { state in
            let key = Key(tenant: tenant, encoder: encoder.name)
            var readers: Readers
            if let existing = state.chains[key] {
                readers = existing
            } else {
                readers = Readers(chain: PageChain(tenant: tenant, encoder: encoder, position: state.feed.position))
                state.encoders[tenant, default: []].append(key)
            }
            readers.readers[ObjectIdentifier(reader)] = reader
            state.chains[key] = readers
            return readers.chain
        }
    }

    /// `reader` has no connection on `chain` any more; without readers the chain goes. Any thread.
    func release(_ chain: PageChain, reader: any ChainReader) {
        if let execution = chain.encoder.execution { return self.executions.release(execution, reader: reader) }
        self.state.withLock { state in
            let key = Key(tenant: chain.tenant, encoder: chain.encoder.name)
            state.chains[key]?.readers[ObjectIdentifier(reader)] = nil
            guard state.chains[key]?.readers.isEmpty == true else { return }
            state.chains[key] = nil
            state.encoders[chain.tenant]?.removeAll { $0 == key }
            if state.encoders[chain.tenant]?.isEmpty == true { state.encoders[chain.tenant] = nil }
        }
    }

    /// Chains that somebody reads.
    var chainCount: Int { self.state.withLock { $0.chains.count } }

    // MARK: LogObserver (the feed's thread)

    public func logAppended(_ entry: LogEntry) {
        self.state.withLock { state in
            let trace = entry.event.traceparent == nil ? nil : self.deliveryLog?.begin(entry, epoch: state.feed.epoch)
            defer { trace?.closePart() }
            if let keys = state.encoders[entry.event.tenant] {
                let budget = max(Self.smallestShare, self.pageBytes / max(1, state.chains.count))
                let cursor = entry.cursor(epoch: state.feed.epoch)
                for key in keys {
                    guard let readers = state.chains[key] else { continue }
                    state.scratch.removeAll(keepingCapacity: true)
                    readers.chain.encoder.appendEvent(entry.event, cursor: cursor, to: &state.scratch)
                    readers.chain.append(
                        state.scratch,
                        sequence: entry.sequence,
                        intake: entry.intake,
                        user: entry.event.user,
                        type: entry.event.type,
                        topic: readers.chain.encoder.topic(of: entry.event),
                        budget: budget
                    )
                    for reader in readers.readers.values {
                        trace?.openPart()
                        reader.chainGrew(readers.chain, intake: entry.intake, trace: trace)
                    }
                }
            }
            state.feed.position.sequence = entry.sequence
            state.feed.time = entry.intake
        }
    }

    public func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool { self.executions.follows(subject) }

    public func executionAppended(_ entry: LogEntry) {
        let trace = entry.event.traceparent == nil ? nil : self.deliveryLog?.begin(entry, epoch: self.feed.epoch)
        self.executions.append(entry, trace: trace)
        trace?.closePart()
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

    /// Everybody goes on from `position`, and is told that something is missing.
    private func restart(_ state: inout State, at position: UInt64) {
        state.feed.position = ChainPosition(generation: state.feed.position.generation &+ 1, sequence: position)
        state.feed.lifeStart = state.feed.cursor
        for readers in state.chains.values {
            readers.chain.restart(at: state.feed.position)
            for reader in readers.readers.values { reader.chainGrew(readers.chain) }
        }
        self.executions.logReplaced(at: state.feed.position)
    }

    // MARK: What the log keeps (any thread)

    public func logTrimmed(to retention: LogRetention) {
        let readers: [ObjectIdentifier: any ChainReader] = self.state.withLock { state in
            guard retention.epoch == state.feed.epoch else { return [:] }
            let deleted = retention.deleted.ranges(notIn: state.deleted)
            state.deleted = retention.deleted
            var all = self.executions.trim(to: retention, deleted: deleted)
            for readers in state.chains.values {
                readers.chain.trim(to: retention, deleted: deleted)
                all.merge(readers.readers) { first, _ in first }
            }
            return all
        }
        for reader in readers.values { reader.logTrimmed(to: retention) }
    }
}
