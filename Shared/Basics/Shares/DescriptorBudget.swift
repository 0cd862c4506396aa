import Glibc
import Synchronization

/// What a listener's connections may take of the process's open files (`RLIMIT_NOFILE`).
///
/// Every accepted connection holds a ``Place`` until its descriptor is closed. When all places are held, the one to be closed in favour of a new
/// connection is the oldest stranger (no token was accepted on it), else the one that is idle longest between two requests. A connection whose
/// request with an accepted token is under way, and a stream, are never closed: then the new one is turned away.
///
/// May be used from any thread.
public final class DescriptorBudget: Sendable {
    /// Descriptors that may be open beyond the limit for a moment: connections that were accepted and not looked at yet, and those being closed.
    public static let slack = 32

    /// A held descriptor. It is given back when the last reference goes, so that no way out of a connection can forget it.
    public final class Place: Sendable {
        private let id: UInt64
        private let budget: DescriptorBudget

        fileprivate init(id: UInt64, budget: DescriptorBudget) {
            self.id = id
            self.budget = budget
        }

        deinit { budget.leave(id) }

        /// A token was accepted on the connection and its request is under way: it is not closed in favour of another one.
        public func requestAccepted() { budget.move(id, to: .working) }

        /// The requests that were accepted are answered: an idle connection, as far as it had an accepted token.
        public func requestsAnswered() { budget.move(id, to: .idle, from: .working) }

        /// The connection left its listener as `descriptor`. As a stream it is never closed in favour of another one; one that stays only to be told why
        /// it cannot stay is shut down like any stranger's.
        ///
        /// ``giveBack()`` must come before `descriptor` is closed: its number may then belong to somebody else.
        public func handOver(to descriptor: Int32, isStream: Bool) { budget.handOver(id, to: descriptor, isStream: isStream) }

        /// Gives the place back before the last reference goes. Does nothing the second time.
        public func giveBack() { budget.leave(id) }
    }

    fileprivate enum Kind: Int, Sendable {
        case stranger, idle, working, stream
        /// Being closed, in favour of another one or because there was no place.
        case leaving
    }

    /// How a connection is closed in favour of another one.
    fileprivate enum Closing: Sendable {
        /// By whoever entered it; called without the lock.
        case call(@Sendable () -> Void)
        /// By shutting the descriptor down; with the lock held, so that the descriptor cannot be closed meanwhile.
        case shutdown(Int32)
    }

    fileprivate struct Entry {
        var kind: Kind
        /// Changes whenever the entry moves, so that its former positions in ``State/queues`` are recognised as stale.
        var turn: UInt64
        var closing: Closing
    }

    private struct State {
        var nextTurn: UInt64 = 0
        var entries: [UInt64: Entry] = [:]
        var counts = [Int](repeating: 0, count: 5)
        var strangers = AgeQueue()
        var idle = AgeQueue()
        var closed = 0
        var refused = 0

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

        /// The connection to be closed in favour of another one; nil when all are at work.
        mutating func victim() -> UInt64? {
            strangers.popFirst(in: entries) ?? idle.popFirst(in: entries)
        }
    }

    private let limits: @Sendable () -> Int
    private let state = Mutex(State())

    /// - Parameter limit: how many places there are. Asked for each new connection: the limit of a running process can be changed (`prlimit`).
    public init(limit: @escaping @Sendable () -> Int) {
        limits = limit
    }

    /// How many places there are now; at least one.
    public var limit: Int { max(1, limits()) }

    /// Fired through the pipeline of a connection when the token of its request was accepted (``Place/requestAccepted()``).
    public struct TokenAccepted: Sendable {
        public init() {}
    }

    /// What is held.
    public struct Use: Sendable, Hashable {
        /// Places that are held, those included that are being closed.
        public var held = 0
        /// Held by connections on which no token was accepted.
        public var strangers = 0
        /// Held by streams that left the listener.
        public var streams = 0
        /// Connections closed in favour of a new one, since the start.
        public var closed = 0
        /// Connections turned away because all places were at work, since the start.
        public var refused = 0
    }

    /// What is held now.
    public var use: Use {
        state.withLock { state in
            Use(
                held: state.entries.count,
                strangers: state.counts[Kind.stranger.rawValue],
                streams: state.counts[Kind.stream.rawValue],
                closed: state.closed,
                refused: state.refused
            )
        }
    }

    /// Takes a place for a connection that was accepted, as a stranger's. Where there is none, `close` of another connection is called, or
    /// that of this one.
    ///
    /// - Parameter close: begins to close the connection; called at most once, on the thread of whoever needs the place. The place is to be let go of
    ///   only when the descriptor is closed.
    public func enter(close: @escaping @Sendable () -> Void) -> Place {
        let limit = limit
        let (id, closing) = state.withLock { state -> (UInt64, (@Sendable () -> Void)?) in
            let id = state.turn()
            let isFull = state.entries.count - state.counts[Kind.leaving.rawValue] >= limit
            let victim = isFull ? state.victim() : nil
            let isRefused = isFull && victim == nil
            let entry = Entry(kind: isRefused ? .leaving : .stranger, turn: id, closing: .call(close))
            state.entries[id] = entry
            state.counts[entry.kind.rawValue] += 1
            state.enqueue(id, entry)
            if isRefused { state.refused += 1 }
            guard let victim else { return (id, isRefused ? close : nil) }
            state.closed += 1
            let closing = state.entries[victim]?.closing
            state.move(victim, to: .leaving)
            switch closing {
            case .call(let close): return (id, close)
            case .shutdown(let descriptor):
                _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
                return (id, nil)
            case nil: return (id, nil)
            }
        }
        closing?()
        return Place(id: id, budget: self)
    }

    private func move(_ id: UInt64, to kind: Kind, from: Kind? = nil) {
        state.withLock { state in
            guard let entry = state.entries[id], entry.kind != .leaving, from == nil || from == entry.kind else { return }
            state.move(id, to: kind)
        }
    }

    private func handOver(_ id: UInt64, to descriptor: Int32, isStream: Bool) {
        state.withLock { state in
            guard state.entries[id] != nil else { return }
            state.entries[id]?.closing = .shutdown(descriptor)
            // One that was being closed before it left is not followed by anybody any more: as a stranger it is the first to go.
            state.move(id, to: isStream ? .stream : .stranger)
        }
    }

    private func leave(_ id: UInt64) {
        // The entry's closure may hold the last reference to something that enters the budget when it goes: it is let go of outside of the lock.
        let entry = state.withLock { state -> Entry? in
            guard let entry = state.entries.removeValue(forKey: id) else { return nil }
            state.counts[entry.kind.rawValue] -= 1
            return entry
        }
        _ = entry
    }
}

/// Places in the order in which they came. Removal is lazy: what has gone or moved on is passed over, and cleared out when it outweighs the rest.
private struct AgeQueue {
    private var items: [(id: UInt64, turn: UInt64)] = []
    private var head = 0
    /// Cleared out at this many items.
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
