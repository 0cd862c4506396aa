import Synchronization

/// The way back to a conversation from anywhere else. Any thread.
///
/// Does not keep the connection alive: what is posted to one that has ended is dropped.
public final class ConversationLink<Note: Sendable>: Sendable {
    private struct State {
        weak var connection: EdgeConnection?
        var notes: [Note] = []
        var isOnItsWay = false
    }

    private let state = Mutex(State())

    /// A link of a conversation that has no connection yet.
    public init() {}

    func attach(_ connection: EdgeConnection) { self.state.withLock { $0.connection = connection } }

    /// Hands `note` to the conversation, on its loop and after what was posted before.
    public func post(_ note: Note) {
        let connection = self.state.withLock { state -> EdgeConnection? in
            guard let connection = state.connection else { return nil }
            state.notes.append(note)
            if state.isOnItsWay { return nil }
            state.isOnItsWay = true
            return connection
        }
        guard let connection else { return }
        Task { await connection.notesArrived() }
    }

    /// What has been posted since the last call.
    func takeNotes() -> [Note] {
        self.state.withLock { state in
            defer { state.notes = [] }
            state.isOnItsWay = false
            return state.notes
        }
    }
}
