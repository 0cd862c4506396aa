import Synchronization

/// Posts notes to a conversation from any thread.
///
/// Does not keep the connection alive: notes posted after its end are dropped. Those posted before the link is attached wait for that.
public final class ConversationLink<Note: Sendable>: Sendable {
    private struct State {
        weak var connection: EdgeConnection?
        var isAttached = false
        var notes: [Note] = []
        var isOnItsWay = false
    }

    private let state = Mutex(State())

    /// Creates a link that is not attached to a connection yet.
    public init() {}

    /// Attaches the link, if it is not attached yet.
    func attach(_ connection: EdgeConnection) {
        self.deliver { state in
            guard !state.isAttached else { return }
            state.isAttached = true
            state.connection = connection
        }
    }

    /// Delivers `note` to the conversation, on its loop and in the order of posting.
    public func post(_ note: Note) {
        self.deliver { state in
            if !state.isAttached || state.connection != nil { state.notes.append(note) }
        }
    }

    /// Changes the state, and lets the connection take the notes that are there.
    private func deliver(_ change: (inout State) -> Void) {
        let connection = self.state.withLock { state -> EdgeConnection? in
            change(&state)
            guard let connection = state.connection, !state.notes.isEmpty, !state.isOnItsWay else { return nil }
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
