import EventModel
import Synchronization

/// A traced event on its way through this process: collects what becomes of it on every loop, and is told in one line when the last has had its turn.
///
/// Shared by the feed's thread and the loops. Each part that may write it to somebody is opened before it can be closed, and the feed itself is the
/// first part, so that the line comes exactly once.
final class TracedDelivery: Sendable {
    private struct Parts {
        var open = 1
        var connections = 0
        var behind = 0
    }

    let event: Event
    let cursor: Cursor
    private let parts = Mutex(Parts())
    private let ended: @Sendable (_ connections: Int, _ behind: Int) -> Void

    /// - Parameter ended: Called once, when the last part is closed, on that thread.
    init(event: Event, cursor: Cursor, ended: @escaping @Sendable (_ connections: Int, _ behind: Int) -> Void) {
        self.event = event
        self.cursor = cursor
        self.ended = ended
    }

    /// A further loop and encoding will write it.
    func openPart() { self.parts.withLock { $0.open += 1 } }

    /// A part is done.
    /// - Parameters:
    ///   - connections: How many connections have been written to.
    ///   - behind: How many are to get it and have not taken it yet.
    func closePart(connections: Int = 0, behind: Int = 0) {
        let result = self.parts.withLock { parts -> Parts? in
            parts.open -= 1
            parts.connections += connections
            parts.behind += behind
            return parts.open == 0 ? parts : nil
        }
        if let result { self.ended(result.connections, result.behind) }
    }
}
