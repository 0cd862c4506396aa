import EventModel
import Synchronization

/// Counts the deliveries of a traced event on all loops; reports them once, when the last part is closed.
///
/// Shared by the feed's thread and the loops. Each part that may write the event is opened before it can be closed, and the feed itself has
/// the first part, so that the report is made exactly once.
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

    /// Opens a part for a loop and an encoding that will write the event.
    func openPart() { self.parts.withLock { $0.open += 1 } }

    /// Closes a part.
    /// - Parameters:
    ///   - connections: The number of connections written to.
    ///   - behind: The number of connections that have yet to receive it.
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
