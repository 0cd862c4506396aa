import Basics

/// Schedules heartbeats: a ring of slots, one a tick, so that ten thousand connections cost one timer.
/// A connection gets a random slot by default, so that the phases are spread. Stale handles are dropped when their slot is due.
struct HeartbeatWheel {
    private var slots: [[ConnectionHandle]]
    private var current = 0
    private let phase: @Sendable (Range<Int>) -> Int

    /// - Parameter phase: chooses the slot of the next connection.
    init(interval: Duration, tick: Duration, phase: @escaping @Sendable (Range<Int>) -> Int = { Int.random(in: $0) }) {
        let count = max(1, Int(interval.nanoseconds / max(1, tick.nanoseconds)))
        self.slots = Array(repeating: [], count: count)
        self.phase = phase
    }

    /// Schedules `handle` within one interval from now, and from then on every interval.
    mutating func insert(_ handle: ConnectionHandle) {
        self.insert(handle, slot: self.phase(0..<self.slots.count))
    }

    /// As ``insert(_:)``, with the phase given.
    mutating func insert(_ handle: ConnectionHandle, slot: Int) { self.slots[slot].append(handle) }

    /// Advances by one tick; returns the connections that are due. `isAlive` tells which handles are still valid.
    mutating func advance(isAlive: (ConnectionHandle) -> Bool) -> [ConnectionHandle] {
        self.current = (self.current + 1) % self.slots.count
        self.slots[self.current].removeAll { !isAlive($0) }
        return self.slots[self.current]
    }
}

/// Connections by their deadlines, in whole units of one clock: seconds or ticks.
struct ExpiryBuckets {
    private var buckets: [Int64: [ConnectionHandle]] = [:]
    private var checkedThrough: Int64?
    /// The number of handles, and a lower bound of those whose connections are gone.
    private(set) var count = 0
    private var gone = 0

    /// Below this number of stale handles no cleanup is done.
    private static let toleratedGone = 256

    mutating func insert(_ handle: ConnectionHandle, at moment: Int64) {
        // Buckets up to `checkedThrough` are never checked again.
        let moment = max(moment, (self.checkedThrough ?? moment - 1) + 1)
        self.buckets[moment, default: []].append(handle)
        self.count += 1
    }

    /// Moves a handle to another deadline. Its place at `old` is gone if that deadline was checked already.
    mutating func move(_ handle: ConnectionHandle, from old: Int64, to new: Int64) {
        guard old != new else { return }
        if let index = self.buckets[old]?.firstIndex(of: handle) {
            self.buckets[old]?.remove(at: index)
            if self.buckets[old]?.isEmpty == true { self.buckets[old] = nil }
            self.count -= 1
        }
        self.insert(handle, at: new)
    }

    /// Counts `gone` more connections that ended before their deadline. Once these are half of all handles, the stale ones are removed, so
    /// that memory does not grow with the rate of reconnects.
    mutating func forget(_ gone: Int, isAlive: (ConnectionHandle) -> Bool) {
        self.gone += gone
        guard self.gone > Self.toleratedGone, self.gone > self.count / 2 else { return }
        self.buckets = self.buckets.compactMapValues { handles in
            let alive = handles.filter(isAlive)
            return alive.isEmpty ? nil : alive
        }
        self.count = self.buckets.values.reduce(0) { $0 + $1.count }
        self.gone = 0
    }

    /// Removes and returns the handles that have expired by `now`, each once.
    mutating func removeExpired(now: Int64) -> [ConnectionHandle] {
        guard let checked = self.checkedThrough else {
            self.checkedThrough = now
            return self.remove { $0 <= now }
        }
        guard now > checked else { return [] }
        self.checkedThrough = now
        // After a large jump of the clock, walk over the table once instead of one lookup a unit.
        if now - checked > 64 { return self.remove { $0 <= now } }
        return self.remove(checked + 1...now)
    }

    private mutating func remove(where isDue: (Int64) -> Bool) -> [ConnectionHandle] {
        self.remove(self.buckets.keys.filter(isDue))
    }

    private mutating func remove(_ moments: some Sequence<Int64>) -> [ConnectionHandle] {
        let due = moments.flatMap { self.buckets.removeValue(forKey: $0) ?? [] }
        self.count -= due.count
        return due
    }
}

/// Computes how many connections to end in a tick, so that all have ended by the deadline at an even rate.
struct DrainPlan {
    let deadline: MonotonicInstant
    /// The fraction of a connection carried over to the next tick.
    private var remainder = 0.0

    init(deadline: MonotonicInstant) { self.deadline = deadline }

    /// Returns how many of `open` connections to end now, so that the last one ends in the window's last tick.
    mutating func share(of open: Int, now: MonotonicInstant, tick: Duration) -> Int {
        guard open > 0, now < self.deadline else { return open }
        let ticksLeft = max(1, Double(self.deadline.nanoseconds - now.nanoseconds) / Double(max(1, tick.nanoseconds)))
        let due = self.remainder + (Double(open) - self.remainder) / ticksLeft
        let share = min(open, Int(due))
        self.remainder = due - Double(share)
        return share
    }
}

/// Chunks of the tail encoded in this round, shared by connections that resume from the same position.
struct ChunkCache {
    struct Chunk: Sendable {
        let page: Page
        /// The page holds all events of the tenant up to this sequence.
        let through: UInt64
    }

    private struct Key: Hashable {
        var chain: ObjectIdentifier
        var sequence: UInt64
    }

    /// With the chain, whose address another one could get in the same round.
    private var chunks: [Key: (chunk: Chunk, chain: PageChain)] = [:]
    private static let capacity = 32

    func chunk(of chain: PageChain, after sequence: UInt64) -> Chunk? {
        self.chunks[Key(chain: ObjectIdentifier(chain), sequence: sequence)]?.chunk
    }

    mutating func insert(_ chunk: Chunk, of chain: PageChain, after sequence: UInt64) {
        guard self.chunks.count < Self.capacity else { return }
        self.chunks[Key(chain: ObjectIdentifier(chain), sequence: sequence)] = (chunk, chain)
    }

    mutating func removeAll() {
        if !self.chunks.isEmpty { self.chunks.removeAll() }
    }
}
