public import Basics
import DequeModule
public import EventModel
import Synchronization

/// In-memory cache of the log's last entries; serves almost every reader that is not live.
///
/// Bounded in bytes; evicts the oldest first. The feed's thread appends, any thread reads. The lock is held during look-ups and copies of
/// references, never while encoding or sending.
public final class LogTail: Sendable {
    /// The result of a read.
    public enum Read: Sendable {
        /// The tenant's entries in order, complete up to `through`: the tail's end, unless `maxBytes` limited the read.
        case entries([LogEntry], through: UInt64)
        /// The sequence is older than the tail, which begins after `floor`.
        case evicted(floor: UInt64)
    }

    /// Bytes counted per entry besides its payload, for its attributes on the wire.
    public static let entryOverhead = 512
    /// Memory per entry besides its texts and payload: the object, and its slots in two indexes that grow by doubling.
    private static let objectBytes =
        MemoryLayout<Event>.stride + MemoryLayout<ApprovalPlace?>.stride + MemoryLayout<ExecutionPlace?>.stride + 48 + 4 * 8
    /// Memory per message that is not an event, in an array that grows by doubling.
    fileprivate static let placeBytes = 2 * MemoryLayout<Place>.stride

    /// A message that is not a tenant's event.
    fileprivate struct Place {
        var sequence: UInt64
        var storedAt: Timestamp
    }

    fileprivate struct State {
        /// Everything up to here was evicted.
        var floor: UInt64 = 0
        /// Complete from the floor up to here.
        var position: UInt64 = 0
        var bytes = 0
        var entries: Deque<LogEntry> = []
        /// Other messages in the range, so that a heartbeat's cursor is recognised without a request to the log.
        var others: Deque<Place> = []
        var byTenant: [Tenant: Deque<LogEntry>] = [:]
        /// The log's deleted sequences, as of the last check.
        var deleted = DeletedSequences.none
    }

    private let maxBytes: Int
    private let state: Mutex<State>

    /// Creates an empty tail.
    ///
    /// - Parameters:
    ///   - maxBytes: Maximum size, counted by ``memory(of:)``. The newest entry is kept whatever its size.
    ///   - position: The sequence after which it begins.
    public init(maxBytes: Int, position: UInt64 = 0) {
        self.maxBytes = maxBytes
        state = Mutex(State(floor: position, position: position))
    }

    /// The sequence after which the tail begins: a reader at or beyond it finds all later entries here. Any thread.
    public var floor: UInt64 { state.withLock { $0.floor } }

    /// The sequence up to which the tail is complete. Any thread.
    public var position: UInt64 { state.withLock { $0.position } }

    /// Size in bytes, counted by ``memory(of:)``. Any thread.
    public var byteCount: Int { state.withLock { $0.bytes } }

    /// Number of entries. Any thread.
    public var count: Int { state.withLock { $0.entries.count } }

    /// Reads the tenant's entries after a sequence, oldest first. Any thread.
    ///
    /// - Parameters:
    ///   - after: Last sequence that the reader has.
    ///   - maxBytes: Maximum size of the entries; the first entry is returned whatever its size.
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

    /// Returns the number of the tenant's entries after a sequence; nil when the tail begins later. Any thread.
    public func count(tenant: Tenant, after sequence: UInt64) -> Int? {
        state.withLock { state in
            guard sequence >= state.floor else { return nil }
            return state.byTenant[tenant].map { $0.count - $0.firstIndex(after: sequence) } ?? 0
        }
    }

    /// The log's deleted sequences, at most some seconds old. Any thread.
    public var deleted: DeletedSequences { state.withLock { $0.deleted } }

    /// Compares a cursor's time with the message at its sequence (contract §3: a restored log). Any thread.
    ///
    /// An event's cursor has the event's intake time. A heartbeat's or opening's cursor names the feed's position, at which any message may be, and has
    /// that message's time: an event's intake, or another message's storage time. Only a gap's (``StreamGap/resumptionCursor``) has the time of the
    /// tenant's next event. An absent message cannot be compared.
    ///
    /// - Returns: nil when the message is not in memory: then the log knows (``LogPlaces/recognise(_:tenant:in:)``).
    public func recognise(_ cursor: Cursor, tenant: Tenant) -> CursorRecognition? {
        state.withLock { state -> CursorRecognition? in
            guard cursor.sequence > state.floor, cursor.sequence <= state.position, state.deleted.isListed else { return nil }
            if state.deleted.contains(cursor.sequence) { return .foreign }
            guard let place = state.last(upTo: cursor.sequence), place.sequence == cursor.sequence else { return nil }
            if place.tenant == tenant { return cursor.agrees(with: place.time) ? .own : .different }
            if cursor.agrees(with: place.time) { return .foreign }
            guard let own = state.byTenant[tenant], case let next = own.firstIndex(after: cursor.sequence), next < own.count else {
                return nil
            }
            return cursor.agrees(with: own[next].intake) ? .foreign : .different
        }
    }

    /// Returns a cursor to a sequence, with the time of the last message up to it; without a time when that is not in memory. Any thread.
    public func cursor(at sequence: UInt64, epoch: UInt16) -> Cursor {
        let place = state.withLock { state in sequence <= state.position ? state.last(upTo: sequence) : nil }
        return Cursor(time: place?.time ?? Timestamp(millisecondsSinceEpoch: 0), epoch: epoch, sequence: sequence)
    }

    /// Removes entries that the log no longer keeps. Any thread.
    ///
    /// - Parameter retention: what the log keeps, in the tail's epoch.
    public func trim(to retention: LogRetention) {
        // Released outside the lock.
        var dropped: [LogEntry] = []
        state.withLock { state in
            let news = retention.deleted.ranges(notIn: state.deleted)
            state.deleted = retention.deleted
            guard retention.deleted.isListed else {
                // The deleted sequences are unknown, so keep none.
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

    /// Appends the next entry and evicts the oldest. The feed's thread.
    ///
    /// Ignores an entry that is not newer than the tail's position, so the order never depends on the caller.
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

    /// Advances the position: no event lies between the last entry and `sequence`. The feed's thread.
    ///
    /// - Parameter time: when the message at `sequence` was stored; nil when absent.
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

    /// Removes everything and restarts after `position`. The feed's thread.
    ///
    /// - Parameter time: the time part of a cursor to `position`; nil when the message there is absent or unknown.
    public func reset(to position: UInt64, time: Timestamp? = nil) {
        // Released outside the lock: freeing a full tail takes a while.
        let old = state.withLock { state in
            let old = state
            state = State(floor: position, position: position)
            if let time {
                state.others.append(Place(sequence: position, storedAt: time))
                state.bytes = Self.placeBytes
            }
            return old
        }
        _ = consume old
    }

    /// Returns an entry's size as reads count it, in bytes.
    static func cost(of entry: LogEntry) -> Int { entry.event.payload.bytes.count + entryOverhead }

    /// Returns an entry's memory in bytes.
    package static func memory(of entry: LogEntry) -> Int { objectBytes + entry.event.heapBytes }
}

extension LogTail.State {
    /// Returns the last known message up to a sequence; with its tenant when it is an event.
    fileprivate func last(upTo sequence: UInt64) -> (sequence: UInt64, time: Timestamp, tenant: Tenant?)? {
        let entry = entries.firstIndex(after: sequence)
        let other = others.firstIndex(whereSorted: { $0.sequence > sequence })
        if entry > 0, other == 0 || entries[entry - 1].sequence > others[other - 1].sequence {
            return (entries[entry - 1].sequence, entries[entry - 1].intake, entries[entry - 1].event.tenant)
        }
        return other > 0 ? (others[other - 1].sequence, others[other - 1].storedAt, nil) : nil
    }

    /// Evicts the oldest entries down to the limit; keeps the newest whatever its size.
    fileprivate mutating func shrink(to maxBytes: Int) {
        while bytes > maxBytes, entries.count + others.count > 1 {
            switch (entries.first, others.first) {
            case (let entry?, let other?) where entry.sequence > other.sequence: removeOldestPlace()
            case (nil, _): removeOldestPlace()
            default: removeOldestEntry()
            }
        }
    }

    /// Removes the oldest place.
    fileprivate mutating func removeOldestPlace() {
        guard let oldest = others.popFirst() else { return }
        bytes -= LogTail.placeBytes
        floor = max(floor, oldest.sequence)
    }

    /// Removes the oldest entry.
    fileprivate mutating func removeOldestEntry() {
        guard let oldest = entries.popFirst() else { return }
        bytes -= LogTail.memory(of: oldest)
        floor = max(floor, oldest.sequence)
        let tenant = oldest.event.tenant
        // The tenant's oldest entry is the log's oldest, so both indexes remove the same one.
        _ = byTenant[tenant]?.popFirst()
        if byTenant[tenant]?.isEmpty == true { byTenant[tenant] = nil }
    }

    /// Removes the entries of a range.
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

extension Deque {
    /// Returns the index of the first element for which `isBehind` is true, else `count`. Elements are sorted.
    fileprivate func firstIndex(whereSorted isBehind: (Element) -> Bool) -> Int {
        indices.partitionPoint { isBehind(self[$0]) }
    }
}

extension Deque<LogEntry> {
    /// Returns the indices of the entries in a range of sequences.
    fileprivate func indices(in range: ClosedRange<UInt64>) -> Range<Int> {
        let start = range.lowerBound == 0 ? 0 : firstIndex(after: range.lowerBound - 1)
        return start..<Swift.max(start, firstIndex(after: range.upperBound))
    }

    /// Returns the index of the first entry behind `sequence`, else `count`.
    fileprivate func firstIndex(after sequence: UInt64) -> Int {
        firstIndex(whereSorted: { $0.sequence > sequence })
    }
}
