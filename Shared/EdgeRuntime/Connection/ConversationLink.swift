import Synchronization

/// Posts notes to a conversation from any thread.
///
/// Does not keep the connection alive: notes posted after its end are dropped.
public final class ConversationLink<Note: Sendable>: Sendable {
    private struct State {
        weak var connection: EdgeConnection?
        var notes: [Note] = []
        var isOnItsWay = false
    }

    private let state = Mutex(State())

    /// Creates a link that is not attached to a connection yet.
    public init() {}

    func attach(_ connection: EdgeConnection) { self.state.withLock { $0.connection = connection } }

    /// Delivers `note` to the conversation, on its loop and in the order of posting.
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

    /// Removes and returns the notes posted since the last call.
    func takeNotes() -> [Note] {
        self.state.withLock { state in
            defer { state.notes = [] }
            state.isOnItsWay = false
            return state.notes
        }
    }
}
