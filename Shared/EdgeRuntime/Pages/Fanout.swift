public import Basics
public import EventLog
import EventModel
import Synchronization

/// What a loop learns when one of its runs has grown. Called on the feed's thread.
protocol RunReader: AnyObject, Sendable {
    /// `run` has new entries, or was restarted.
    /// - Parameters:
    ///   - intake: When the entry was taken in, where its delay counts.
    ///   - trace: What follows the entry, if it is traced; a part of it is open for this reader and run, which must close it.
    func runGrew(_ run: PageRun, intake: Timestamp?, trace: TracedDelivery?)
    /// What the log keeps now. Any thread.
    func logTrimmed(to retention: LogRetention)
}

extension RunReader {
    func runGrew(_ run: PageRun) { self.runGrew(run, intake: nil, trace: nil) }
    func logTrimmed(to retention: LogRetention) {}
}

/// Where the process's feed stands.
struct FeedPosition: Sendable {
    /// The life of the log and the last sequence that every run has taken in.
    var position: RunPosition
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

/// Between the feed and the loops: encodes each event once per wire form that somebody reads, and wakes the loops that read it.
///
/// Tenants without readers cost nothing but a look into a table. The feed's thread is the only writer; loops register
/// and unregister their interest.
public final class Fanout: LogObserver, Sendable {
    /// Runs are told apart by tenant and wire form.
    struct Key: Hashable {
        var tenant: Tenant
        var form: String
    }

    private struct Readers {
        var run: PageRun
        var readers: [ObjectIdentifier: any RunReader] = [:]
    }

    private struct State {
        var feed: FeedPosition
        var runs: [Key: Readers] = [:]
        var forms: [Tenant: [Key]] = [:]
        var scratch: [UInt8] = []
        /// The holes in what the log keeps, as they were last seen.
        var deleted = DeletedSequences.none
    }

    private let state: Mutex<State>
    private let deliveryLog: DeliveryLog?
    /// The executions that somebody views.
    let executions: ExecutionPages
    /// Bytes of pages over all runs; each gets an even share of it.
    private let pageBytes: Int
    /// A run may always keep this much: two of the smallest pages. Ten thousand runs keep little more than the bound, and what leaves them early is read
    /// from the tail.
    private static let smallestShare = 8 * 1024

    /// - Parameters:
    ///   - pageBytes: Memory for encoded pages over all tenants, in bytes.
    ///   - deliveryLog: Is told of traced events.
    public init(epoch: UInt16, pageBytes: Int, deliveryLog: DeliveryLog? = nil) {
        self.pageBytes = pageBytes
        self.deliveryLog = deliveryLog
        self.executions = ExecutionPages(pageBytes: pageBytes)
        let start = RunPosition(generation: 0, sequence: 0)
        let none = Timestamp(millisecondsSinceEpoch: 0)
        let lifeStart = Cursor(time: none, epoch: epoch, sequence: 0)
        self.state = Mutex(State(feed: FeedPosition(position: start, time: none, epoch: epoch, lifeStart: lifeStart)))
    }

    /// Where the feed stands: every run holds everything up to here. Any thread.
    var feed: FeedPosition { self.state.withLock { $0.feed } }

    /// The run of `tenant` in `form`, made when nobody reads it yet. Any thread.
    func run(for tenant: Tenant, form: any WireForm, reader: any RunReader) -> PageRun {
        if let execution = form.execution {
            // Only a lease makes it known; a connection without one has nothing to view.
            return self.executions.run(of: execution, reader: reader)
                ?? PageRun(tenant: tenant, form: form, position: self.feed.position)
        }
        return self.state.withLock { state in
            let key = Key(tenant: tenant, form: form.name)
            var readers: Readers
            if let existing = state.runs[key] {
                readers = existing
            } else {
                readers = Readers(run: PageRun(tenant: tenant, form: form, position: state.feed.position))
                state.forms[tenant, default: []].append(key)
            }
            readers.readers[ObjectIdentifier(reader)] = reader
            state.runs[key] = readers
            return readers.run
        }
    }

    /// `reader` has no connection on `run` any more; without readers the run goes. Any thread.
    func release(_ run: PageRun, reader: any RunReader) {
        if let execution = run.form.execution { return self.executions.release(execution, reader: reader) }
        self.state.withLock { state in
            let key = Key(tenant: run.tenant, form: run.form.name)
            state.runs[key]?.readers[ObjectIdentifier(reader)] = nil
            guard state.runs[key]?.readers.isEmpty == true else { return }
            state.runs[key] = nil
            state.forms[run.tenant]?.removeAll { $0 == key }
            if state.forms[run.tenant]?.isEmpty == true { state.forms[run.tenant] = nil }
        }
    }

    /// Runs that somebody reads.
    var runCount: Int { self.state.withLock { $0.runs.count } }

    // MARK: LogObserver (the feed's thread)

    public func logAppended(_ entry: LogEntry) {
        self.state.withLock { state in
            let trace = entry.event.traceparent == nil ? nil : self.deliveryLog?.begin(entry, epoch: state.feed.epoch)
            defer { trace?.closePart() }
            if let keys = state.forms[entry.event.tenant] {
                let budget = max(Self.smallestShare, self.pageBytes / max(1, state.runs.count))
                let cursor = entry.cursor(epoch: state.feed.epoch)
                for key in keys {
                    guard let readers = state.runs[key] else { continue }
                    state.scratch.removeAll(keepingCapacity: true)
                    readers.run.form.appendEvent(entry.event, cursor: cursor, to: &state.scratch)
                    readers.run.append(
                        state.scratch,
                        sequence: entry.sequence,
                        intake: entry.intake,
                        user: entry.event.user,
                        type: entry.event.type,
                        topic: readers.run.form.topic(of: entry.event),
                        budget: budget
                    )
                    for reader in readers.readers.values {
                        trace?.openPart()
                        reader.runGrew(readers.run, intake: entry.intake, trace: trace)
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
        state.feed.position = RunPosition(generation: state.feed.position.generation &+ 1, sequence: position)
        state.feed.lifeStart = state.feed.cursor
        for readers in state.runs.values {
            readers.run.restart(at: state.feed.position)
            for reader in readers.readers.values { reader.runGrew(readers.run) }
        }
        self.executions.logReplaced(at: state.feed.position)
    }

    // MARK: What the log keeps (any thread)

    public func logTrimmed(to retention: LogRetention) {
        let readers: [ObjectIdentifier: any RunReader] = self.state.withLock { state in
            guard retention.epoch == state.feed.epoch else { return [:] }
            let deleted = retention.deleted.ranges(notIn: state.deleted)
            state.deleted = retention.deleted
            var all = self.executions.trim(to: retention, deleted: deleted)
            for readers in state.runs.values {
                readers.run.trim(to: retention, deleted: deleted)
                all.merge(readers.readers) { first, _ in first }
            }
            return all
        }
        for reader in readers.values { reader.logTrimmed(to: retention) }
    }
}
