public import Basics
import DequeModule
public import EventModel
import Synchronization

/// The last entries of the log in memory: what almost every reader that is not live is served from.
///
/// Bounded by bytes; the oldest go first. One thread appends (the feed's), any thread reads. The lock is held while entries are
/// looked up and their references copied, never while they are encoded or sent.
public final class LogTail: Sendable {
    /// What a read found.
    public enum Read: Sendable {
        /// The tenant's entries, in order; complete up to `through`, which is the end of the tail unless `maxBytes` cut the answer short.
        case entries([LogEntry], through: UInt64)
        /// The place is older than the tail, which begins after `floor`.
        case evicted(floor: UInt64)
    }

    /// What the tail knows of the place that a cursor names.
    public enum Recognition: Sendable, Hashable {
        /// The tenant's event is the one that the cursor was made of.
        case own
        /// What stands at the place is not an event of the tenant, but what the cursor was made of; or nothing stands there any more.
        case foreign
        /// The cursor's time is not that of what stands there: it was made in another past of the log.
        case different
        /// The tail does not reach back that far, or nothing of the place.
        case notInMemory
    }

    /// What an entry is counted with besides its payload where a reader asks for a number of bytes: the texts around it on the wire.
    public static let entryOverhead = 512
    /// What an entry takes in memory besides what its texts and its payload do: the object, and its places in two indexes that grow by doubling.
    private static let objectBytes =
        MemoryLayout<Event>.stride + MemoryLayout<DecisionPlace?>.stride + MemoryLayout<ExecutionPlace?>.stride + 48 + 4 * 8
    /// What the place of a message that is no event takes, in an array that grows by doubling.
    fileprivate static let placeBytes = 2 * MemoryLayout<Place>.stride

    /// A message that is no event of a tenant.
    fileprivate struct Place {
        var sequence: UInt64
        var storedAt: Timestamp
    }

    fileprivate struct State {
        /// Everything up to here has left.
        var floor: UInt64 = 0
        /// Everything after the floor up to here is in.
        var position: UInt64 = 0
        var bytes = 0
        var entries: Deque<LogEntry> = []
        /// What else stands between them, so that a cursor that a heartbeat carried is recognised without asking the log.
        var others: Deque<Place> = []
        var byTenant: [Tenant: Deque<LogEntry>] = [:]
        /// The holes in what the log keeps, as they were last seen.
        var deleted = DeletedSequences.none
    }

    private let maxBytes: Int
    private let state: Mutex<State>

    /// An empty tail.
    ///
    /// - Parameters:
    ///   - maxBytes: how much it holds, counted as ``memory(of:)`` does. The newest entry is kept even if it alone is larger.
    ///   - position: the sequence after which it begins.
    public init(maxBytes: Int, position: UInt64 = 0) {
        self.maxBytes = maxBytes
        state = Mutex(State(floor: position, position: position))
    }

    /// The sequence after which the tail begins: a reader that has everything up to here finds all later entries in it. Any thread.
    public var floor: UInt64 { state.withLock { $0.floor } }

    /// The sequence up to which the tail is complete. Any thread.
    public var position: UInt64 { state.withLock { $0.position } }

    /// How many bytes are held, as they are counted. Any thread.
    public var byteCount: Int { state.withLock { $0.bytes } }

    /// How many entries are held. Any thread.
    public var count: Int { state.withLock { $0.entries.count } }

    /// The tenant's entries after a sequence, oldest first. Any thread.
    ///
    /// - Parameters:
    ///   - after: the last sequence the reader has.
    ///   - maxBytes: how many bytes of entries at most, counted as the tail counts; one entry is returned however large it is.
    public func read(tenant: Tenant, after: UInt64, maxBytes: Int) -> Read {
        state.withLock { state in
            guard after >= state.floor else { return .evicted(floor: state.floor) }
            let end = max(after, state.position)
            guard let entries = state.byTenant[tenant] else { return .entries([], through: end) }
            let start = entries.firstIndex(after: after)
            var found: [LogEntry] = []
            var bytes = 0
            for index in start..<entries.count {
                let entry = entries[index]
                bytes += Self.cost(of: entry)
                if bytes > maxBytes, let last = found.last { return .entries(found, through: last.sequence) }
                found.append(entry)
            }
            return .entries(found, through: end)
        }
    }

    /// The holes in what the log keeps, at most some seconds old. Any thread.
    public var deleted: DeletedSequences { state.withLock { $0.deleted } }

    /// Compares a cursor's time with what stands at its place (contract §3: a restored log). Any thread.
    ///
    /// The time of an event's cursor is the event's intake. A cursor that a heartbeat or an opening carries names the feed's place, which may hold
    /// anything, and carries the time of what stands there: an event's intake, or when another message was stored. Only that of a gap
    /// (``StreamGap/resumptionCursor``) carries the time of the tenant's next event. Where nothing stands, no time can be compared.
    public func recognise(_ cursor: Cursor, tenant: Tenant) -> Recognition {
        state.withLock { state in
            guard cursor.sequence > state.floor, cursor.sequence <= state.position, state.deleted.isListed else { return .notInMemory }
            if state.deleted.contains(cursor.sequence) { return .foreign }
            guard let place = state.last(upTo: cursor.sequence), place.sequence == cursor.sequence else { return .notInMemory }
            if place.tenant == tenant { return cursor.agrees(with: place.time) ? .own : .different }
            if cursor.agrees(with: place.time) { return .foreign }
            guard let own = state.byTenant[tenant], case let next = own.firstIndex(after: cursor.sequence), next < own.count else {
                return .notInMemory
            }
            return cursor.agrees(with: own[next].intake) ? .foreign : .different
        }
    }

    /// A cursor to a place: with the time of what stands there, or of the last message before it; without a time when that is not in memory.
    /// Any thread.
    public func cursor(at sequence: UInt64, epoch: UInt16) -> Cursor {
        let place = state.withLock { state in sequence <= state.position ? state.last(upTo: sequence) : nil }
        return Cursor(time: place?.time ?? Timestamp(millisecondsSinceEpoch: 0), epoch: epoch, sequence: sequence)
    }

    /// Forgets what the log does not keep any more. Any thread.
    ///
    /// - Parameter retention: what the log keeps; of the life of the log that the tail is of.
    public func trim(to retention: LogRetention) {
        // Released outside the lock.
        var dropped: [LogEntry] = []
        state.withLock { state in
            let news = retention.deleted.ranges(notIn: state.deleted)
            state.deleted = retention.deleted
            guard retention.deleted.isListed else {
                // Nobody knows which ones went, so none is kept.
                dropped = Array(state.entries)
                state.entries = []
                state.others = []
                state.byTenant = [:]
                state.bytes = 0
                state.floor = state.position
                return
            }
            while let oldest = state.entries.first, oldest.sequence < retention.firstSequence {
                dropped.append(oldest)
                state.removeOldestEntry()
            }
            while let oldest = state.others.first, oldest.sequence < retention.firstSequence { state.removeOldestPlace() }
            if retention.firstSequence > 0 { state.floor = max(state.floor, min(retention.firstSequence - 1, state.position)) }
            for range in news where range.upperBound > state.floor && range.lowerBound <= state.position {
                dropped += state.remove(range)
            }
        }
        _ = consume dropped
    }

    /// Takes in the next entry and lets the oldest go. The feed's thread.
    ///
    /// An entry that is not newer than the tail's position is dropped, so that the order of the tail never depends on its caller.
    public func append(_ entry: LogEntry) {
        state.withLock { state in
            guard entry.sequence > state.position else { return }
            state.position = entry.sequence
            state.bytes += Self.memory(of: entry)
            state.entries.append(entry)
            state.byTenant[entry.event.tenant, default: []].append(entry)
            state.shrink(to: maxBytes)
        }
    }

    /// There is no event between the last entry and `sequence`. The feed's thread.
    ///
    /// - Parameter time: when the message at `sequence` was stored; nil when there is none.
    public func advance(to sequence: UInt64, time: Timestamp?) {
        state.withLock { state in
            guard sequence > state.position else { return }
            state.position = sequence
            guard let time else { return }
            state.others.append(Place(sequence: sequence, storedAt: time))
            state.bytes += Self.placeBytes
            state.shrink(to: maxBytes)
        }
    }

    /// Forgets everything and begins anew after `position`. The feed's thread.
    public func reset(to position: UInt64) {
        // Released outside the lock: a full tail takes a while to free.
        let old = state.withLock { state in
            let old = state
            state = State(floor: position, position: position)
            return old
        }
        _ = consume old
    }

    /// What an entry counts for.
    static func cost(of entry: LogEntry) -> Int { entry.event.payload.bytes.count + entryOverhead }

    /// What an entry takes in memory, in bytes.
    package static func memory(of entry: LogEntry) -> Int { objectBytes + entry.event.heapBytes }
}

extension LogTail.State {
    /// The last message up to a sequence, as far as it is known; its tenant when it is an event.
    fileprivate func last(upTo sequence: UInt64) -> (sequence: UInt64, time: Timestamp, tenant: Tenant?)? {
        let entry = entries.firstIndex(after: sequence)
        let other = others.firstIndex(whereSorted: { $0.sequence > sequence })
        if entry > 0, other == 0 || entries[entry - 1].sequence > others[other - 1].sequence {
            return (entries[entry - 1].sequence, entries[entry - 1].intake, entries[entry - 1].event.tenant)
        }
        return other > 0 ? (others[other - 1].sequence, others[other - 1].storedAt, nil) : nil
    }

    /// The oldest leave until the bound is kept; the newest entry stays even if it alone is larger.
    fileprivate mutating func shrink(to maxBytes: Int) {
        while bytes > maxBytes, entries.count + others.count > 1 {
            switch (entries.first, others.first) {
            case (let entry?, let other?) where entry.sequence > other.sequence: removeOldestPlace()
            case (nil, _): removeOldestPlace()
            default: removeOldestEntry()
            }
        }
    }

    /// The oldest place leaves.
    fileprivate mutating func removeOldestPlace() {
        guard let oldest = others.popFirst() else { return }
        bytes -= LogTail.placeBytes
        floor = max(floor, oldest.sequence)
    }

    /// The oldest entry leaves.
    fileprivate mutating func removeOldestEntry() {
        guard let oldest = entries.popFirst() else { return }
        bytes -= LogTail.memory(of: oldest)
        floor = max(floor, oldest.sequence)
        let tenant = oldest.event.tenant
        // The tenant's oldest is the log's oldest, so both indexes lose the same entry.
        _ = byTenant[tenant]?.popFirst()
        if byTenant[tenant]?.isEmpty == true { byTenant[tenant] = nil }
    }

    /// The entries of a range leave the middle.
    fileprivate mutating func remove(_ range: ClosedRange<UInt64>) -> [LogEntry] {
        let places = entries.indices(in: range)
        let removed = Array(entries[places])
        entries.removeSubrange(places)
        let first = others.firstIndex(whereSorted: { $0.sequence >= range.lowerBound })
        let end = others.firstIndex(whereSorted: { $0.sequence > range.upperBound })
        others.removeSubrange(first..<end)
        bytes -= (end - first) * LogTail.placeBytes
        for entry in removed { bytes -= LogTail.memory(of: entry) }
        for tenant in Set(removed.map(\.event.tenant)) {
            guard let own = byTenant[tenant]?.indices(in: range) else { continue }
            byTenant[tenant]?.removeSubrange(own)
            if byTenant[tenant]?.isEmpty == true { byTenant[tenant] = nil }
        }
        return removed
    }
}

extension Cursor {
    /// Whether it can be that of a message of that time.
    package func agrees(with time: Timestamp) -> Bool {
        self.time == Cursor(time: time, epoch: epoch, sequence: sequence).time
    }
}

extension Deque {
    /// The index of the first element for which `isBehind` is true; `count` when there is none. Elements are in order.
    fileprivate func firstIndex(whereSorted isBehind: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}

extension Deque<LogEntry> {
    /// The indices of the entries in a range of sequences.
    fileprivate func indices(in range: ClosedRange<UInt64>) -> Range<Int> {
        let start = range.lowerBound == 0 ? 0 : firstIndex(after: range.lowerBound - 1)
        return start..<Swift.max(start, firstIndex(after: range.upperBound))
    }

    /// The index of the first entry behind `sequence`; `count` when there is none.
    fileprivate func firstIndex(after sequence: UInt64) -> Int {
        firstIndex(whereSorted: { $0.sequence > sequence })
    }
}
