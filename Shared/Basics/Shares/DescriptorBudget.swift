import Glibc
import Synchronization

/// Limits a listener's connections to the process's open file limit (`RLIMIT_NOFILE`) by evicting connections.
///
/// Every accepted connection holds a ``Place``, or a ``Detached`` one, until its descriptor is closed. When no place is free, a new connection evicts the oldest stranger
/// (a connection without an accepted token), else the one idle longest between requests. Streams, and connections with an authenticated request
/// in progress, are never evicted; then the new connection is closed.
///
/// Any thread.
public final class DescriptorBudget: Sendable {
    /// Descriptors that may briefly be open beyond the limit: accepted and not yet registered, or closing.
    public static let slack = 32

    /// A reserved descriptor. Released with its last reference, so that no exit path can leak it.
    public final class Place: Sendable {
        private let id: UInt64
        private let budget: DescriptorBudget

        fileprivate init(id: UInt64, budget: DescriptorBudget) {
            self.id = id
            self.budget = budget
        }

        deinit { budget.leave(id) }

        /// Replaces a stream's entry by a count, which takes no memory in the budget: streams are never evicted, so the entry is not needed. Any other
        /// place is kept as it is.
        public func detached() -> Detached { budget.detach(id) ? Detached(.stream(budget)) : Detached(.connection(self)) }

        /// Marks the connection as busy with an authenticated request: it cannot be evicted.
        public func requestAccepted() { budget.move(id, to: .working) }

        /// Marks the connection as idle after its authenticated requests were answered.
        public func requestsAnswered() { budget.move(id, to: .idle, from: .working) }

        /// Records that the connection left its listener as `descriptor`. A stream is never evicted; a connection kept only to send a refusal is shut down
        /// like a stranger's.
        ///
        /// Give the place back, or end its ``Detached`` one, before closing `descriptor`: its number may then be reused.
        public func handOver(to descriptor: Int32, isStream: Bool) { budget.handOver(id, to: descriptor, isStream: isStream) }

        /// Releases the place. Idempotent.
        public func giveBack() { budget.leave(id) }
    }

    /// The place of a connection that has left its listener. Released on deinit; the owner ends it before it closes the descriptor.
    public struct Detached: ~Copyable, Sendable {
        fileprivate enum Held: Sendable {
            /// Counted, without an entry.
            case stream(DescriptorBudget)
            /// One that may be shut down.
            case connection(Place)
        }

        private let held: Held

        fileprivate init(_ held: Held) { self.held = held }

        deinit {
            switch held {
            case .stream(let budget): budget.streamEnded()
            case .connection(let place): place.giveBack()
            }
        }
    }

    fileprivate enum Kind: Int, Sendable {
        case stranger, idle, working, stream
        /// Closing: evicted, or refused for lack of a place.
        case leaving
    }

    /// How a connection is evicted.
    fileprivate enum Closing: Sendable {
        /// By the owner's closure; called without the lock.
        case call(@Sendable () -> Void)
        /// By shutting down the descriptor, with the lock held so that it cannot be closed meanwhile.
        case shutdown(Int32)
    }

    fileprivate struct Entry {
        var kind: Kind
        /// Changes with each move of the entry, so that its old positions in ``State/queues`` are recognised as stale.
        var turn: UInt64
        var closing: Closing
    }

    private struct State {
        var nextTurn: UInt64 = 0
        var entries: [UInt64: Entry] = [:]
        /// By kind; streams without an entry included.
        var counts = [Int](repeating: 0, count: 5)
        var strangers = AgeQueue()
        var idle = AgeQueue()
        var closed = 0
        var refused = 0

        /// Places that are held.
        var held: Int { counts.reduce(0, +) }

        mutating func turn() -> UInt64 {
            nextTurn += 1
            return nextTurn
        }

        mutating func move(_ id: UInt64, to kind: Kind) {
            guard var entry = entries[id] else { return }
            counts[entry.kind.rawValue] -= 1
            counts[kind.rawValue] += 1
            entry.kind = kind
            entry.turn = turn()
            entries[id] = entry
            enqueue(id, entry)
        }

        mutating func enqueue(_ id: UInt64, _ entry: Entry) {
            switch entry.kind {
            case .stranger: strangers.append(id, turn: entry.turn, in: entries)
            case .idle: idle.append(id, turn: entry.turn, in: entries)
            case .working, .stream, .leaving: break
            }
        }

        /// Frees a place if none is free.
        ///
        /// - Returns: whether there is one, and what closes the connection that had it; to be called without the lock.
        mutating func makeRoom(limit: Int) -> (isFree: Bool, evicted: (@Sendable () -> Void)?) {
            guard held - counts[Kind.leaving.rawValue] >= limit else { return (true, nil) }
            guard let victim = victim() else {
                refused += 1
                return (false, nil)
            }
            closed += 1
            let closing = entries[victim]?.closing
            move(victim, to: .leaving)
            switch closing {
            case .call(let close): return (true, close)
            case .shutdown(let descriptor): _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
            case nil: break
            }
            return (true, nil)
        }

        /// Adds a connection; returns its id.
        mutating func add(_ kind: Kind, closing: Closing) -> UInt64 {
            let id = turn()
            let entry = Entry(kind: kind, turn: id, closing: closing)
            entries[id] = entry
            counts[kind.rawValue] += 1
            enqueue(id, entry)
            return id
        }

        /// Returns the connection to evict; nil when all are busy.
        mutating func victim() -> UInt64? {
            strangers.popFirst(in: entries) ?? idle.popFirst(in: entries)
        }
    }

    private let limits: @Sendable () -> Int
    private let state = Mutex(State())

    /// - Parameter limit: Number of places. Called per connection: a running process's limit can change (`prlimit`).
    public init(limit: @escaping @Sendable () -> Int) {
        limits = limit
    }

    /// Current number of places; at least one.
    public var limit: Int { max(1, limits()) }

    /// The place of one connection, for the tasks that answer its requests: empty once the descriptor is closed. Any thread.
    public final class Holder: Sendable {
        private let held = Mutex<Place?>(nil)

        /// Creates an empty holder.
        public init() {}

        /// The place; setting nil releases it.
        public var place: Place? {
            get { held.withLock { $0 } }
            set {
                // Release the old one outside the lock.
                let old = held.withLock { held in
                    defer { held = newValue }
                    return held
                }
                _ = old
            }
        }
    }

    /// Counters of the budget.
    public struct Use: Sendable, Hashable {
        /// Held places, including closing connections.
        public var held = 0
        /// Places of connections without an accepted token.
        public var strangers = 0
        /// Places of streams that left the listener.
        public var streams = 0
        /// Evicted connections since the start.
        public var closed = 0
        /// Refused connections since the start: all places were busy.
        public var refused = 0
    }

    /// The current counters.
    public var use: Use {
        state.withLock { state in
            Use(
                held: state.held,
                strangers: state.counts[Kind.stranger.rawValue],
                streams: state.counts[Kind.stream.rawValue],
                closed: state.closed,
                refused: state.refused
            )
        }
    }

    /// Registers an accepted connection, as a stranger. Without a free place, calls `close` of an evicted connection, or of this one.
    ///
    /// - Parameter close: Starts closing the connection; called at most once, on any thread. Release the place only when the descriptor is closed.
    public func enter(close: @escaping @Sendable () -> Void) -> Place {
        let limit = limit
        let (id, closing) = state.withLock { state in
            let room = state.makeRoom(limit: limit)
            let id = state.add(room.isFree ? .stranger : .leaving, closing: .call(close))
            return (id, room.isFree ? room.evicted : close)
        }
        closing?()
        return Place(id: id, budget: self)
    }

    /// Registers a connection that is a stream from its beginning, and is never evicted. Without a free place, evicts another connection.
    ///
    /// - Returns: nil when no connection can be evicted.
    public func enterStream() -> Place? {
        let limit = limit
        let (id, evicted) = state.withLock { state -> (UInt64?, (@Sendable () -> Void)?) in
            let room = state.makeRoom(limit: limit)
            guard room.isFree else { return (nil, nil) }
            return (state.add(.stream, closing: .call {}), room.evicted)
        }
        evicted?()
        return id.map { Place(id: $0, budget: self) }
    }

    private func move(_ id: UInt64, to kind: Kind, from: Kind? = nil) {
        state.withLock { state in
            guard let entry = state.entries[id], entry.kind != .leaving, from == nil || from == entry.kind else { return }
            state.move(id, to: kind)
        }
    }

    /// Removes a stream's entry, and goes on counting it. Returns false for any other.
    private func detach(_ id: UInt64) -> Bool {
        state.withLock { state in
            guard state.entries[id]?.kind == .stream else { return false }
            state.entries[id] = nil
            return true
        }
    }

    private func streamEnded() { state.withLock { $0.counts[Kind.stream.rawValue] -= 1 } }

    private func handOver(_ id: UInt64, to descriptor: Int32, isStream: Bool) {
        state.withLock { state in
            guard state.entries[id] != nil else { return }
            state.entries[id]?.closing = .shutdown(descriptor)
            // Nothing tracks a connection that was closing before it left: as a stranger it goes first.
            state.move(id, to: isStream ? .stream : .stranger)
        }
    }

    private func leave(_ id: UInt64) {
        // Release the entry outside the lock: its closure may hold the last reference to an object that enters the budget on deinit.
        let entry = state.withLock { state -> Entry? in
            guard let entry = state.entries.removeValue(forKey: id) else { return nil }
            state.counts[entry.kind.rawValue] -= 1
            return entry
        }
        _ = entry
    }
}

/// FIFO of places. Removal is lazy: stale items are skipped, and compacted when they outnumber the rest.
private struct AgeQueue {
    private var items: [(id: UInt64, turn: UInt64)] = []
    private var head = 0
    /// Compacted at this many items.
    private var bound = 256

    mutating func append(_ id: UInt64, turn: UInt64, in entries: [UInt64: DescriptorBudget.Entry]) {
        items.append((id, turn))
        guard items.count >= bound else { return }
        items = items[head...].filter { entries[$0.id]?.turn == $0.turn }
        head = 0
        bound = max(256, items.count * 2)
    }

    mutating func popFirst(in entries: [UInt64: DescriptorBudget.Entry]) -> UInt64? {
        while head < items.count {
            let item = items[head]
            head += 1
            if entries[item.id]?.turn == item.turn { return item.id }
        }
        return nil
    }
}
