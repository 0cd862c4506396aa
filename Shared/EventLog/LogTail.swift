public import Basics
import DequeModule
import EventModel
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

    /// What an entry is counted with besides its payload: the object, its texts and its places in the indexes.
    public static let entryOverhead = 512

    private struct State {
        /// Everything up to here has left.
        var floor: UInt64 = 0
        /// Everything after the floor up to here is in.
        var position: UInt64 = 0
        var bytes = 0
        var entries: Deque<LogEntry> = []
        var byTenant: [Tenant: Deque<LogEntry>] = [:]
    }

    private let maxBytes: Int
    private let state: Mutex<State>

    /// An empty tail.
    ///
    /// - Parameters:
    ///   - maxBytes: how much it holds, payloads and ``entryOverhead`` counted. The newest entry is kept even if it alone is larger.
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

    /// Takes in the next entry and lets the oldest go. The feed's thread.
    ///
    /// An entry that is not newer than the tail's position is dropped, so that the order of the tail never depends on its caller.
    public func append(_ entry: LogEntry) {
        state.withLock { state in
            guard entry.sequence > state.position else { return }
            state.position = entry.sequence
            state.bytes += Self.cost(of: entry)
            state.entries.append(entry)
            state.byTenant[entry.event.tenant, default: []].append(entry)
            while state.bytes > maxBytes, state.entries.count > 1, let oldest = state.entries.popFirst() {
                state.bytes -= Self.cost(of: oldest)
                state.floor = oldest.sequence
                let tenant = oldest.event.tenant
                // The tenant's oldest is the log's oldest, so both indexes lose the same entry.
                _ = state.byTenant[tenant]?.popFirst()
                if state.byTenant[tenant]?.isEmpty == true { state.byTenant[tenant] = nil }
            }
        }
    }

    /// There is nothing between the last entry and `sequence`. The feed's thread.
    public func advance(to sequence: UInt64) {
        state.withLock { state in
            state.position = max(state.position, sequence)
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
}

extension Deque<LogEntry> {
    /// The index of the first entry behind `sequence`; `count` when there is none. Entries are in order.
    fileprivate func firstIndex(after sequence: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].sequence > sequence {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
