import Basics
import EventLog
import EventModel
import Synchronization

/// What the feed reports, until the dispatcher takes it: the feed's thread puts, the actor takes. Any thread.
final class LogInbox: LogObserver {
    /// A report.
    enum Item: Sendable {
        case entry(LogEntry)
        /// Nothing else up to this sequence.
        case advanced(UInt64)
        /// The log dropped what was not reported up to this sequence.
        case passedOver(UInt64)
        /// The log was recreated or truncated, and continues behind this sequence.
        case replaced(epoch: UInt16, position: UInt64)
    }

    private struct State {
        var items: [Item] = []
        var bytes = 0
        var isOpen = false
        var position: UInt64 = 0
        var epoch: UInt16
        var lives: UInt64 = 0
        var retention: LogRetention?
    }

    /// Beyond it the feed waits.
    private static let maximumCount = 8192
    private static let maximumBytes = 16 << 20

    private let state: Mutex<State>
    private let arrived: Signal

    /// Creates a closed inbox: until ``open()`` it keeps only the position.
    ///
    /// - Parameter arrived: raised when there is something to take.
    init(epoch: UInt16, arrived: Signal) {
        state = Mutex(State(epoch: epoch))
        self.arrived = arrived
    }

    /// How often the log was replaced. The tail may be of another life than the items that are still to be taken.
    var lives: UInt64 { state.withLock { $0.lives } }
    /// What the log keeps, as of the last check; nil before the first.
    var retention: LogRetention? { state.withLock { $0.retention } }

    /// Begins to keep items.
    ///
    /// - Returns: the place in the log behind which they are.
    func open() -> (epoch: UInt16, position: UInt64, lives: UInt64) {
        state.withLock { state in
            state.isOpen = true
            return (state.epoch, state.position, state.lives)
        }
    }

    /// Takes all items.
    func take() -> [Item] {
        state.withLock { state in
            defer {
                state.items = []
                state.bytes = 0
            }
            return state.items
        }
    }

    var hasRoom: Bool { state.withLock { $0.items.count < Self.maximumCount && $0.bytes < Self.maximumBytes } }

    func logAppended(_ entry: LogEntry) {
        put(.entry(entry), bytes: LogTail.memory(of: entry)) { $0.position = entry.sequence }
    }

    func logAdvanced(to sequence: UInt64, time: Timestamp?) {
        put(.advanced(sequence)) { $0.position = sequence }
    }

    func logReplaced(epoch: UInt16, position: UInt64) {
        put(.replaced(epoch: epoch, position: position)) { state in
            state.epoch = epoch
            state.position = position
            state.lives += 1
            state.retention = nil
        }
    }

    func logPassedOver(through position: UInt64) {
        put(.passedOver(position)) { $0.position = position }
    }

    func logTrimmed(to retention: LogRetention) {
        state.withLock { if $0.epoch == retention.epoch { $0.retention = retention } }
    }

    private func put(_ item: Item, bytes: Int = 0, _ change: (inout State) -> Void) {
        let isFirst = state.withLock { state in
            change(&state)
            guard state.isOpen else { return false }
            // Executions advance the log far more often than events of tenants.
            if case .advanced = item, case .advanced = state.items.last { state.items.removeLast() }
            state.items.append(item)
            state.bytes += bytes
            return state.items.count == 1
        }
        if isFirst { arrived.raise() }
    }
}
