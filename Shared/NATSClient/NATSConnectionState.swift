/// The state of a ``NATSConnection``.
public enum NATSConnectionState: String, Hashable, Sendable {
    /// Not connected yet; retrying.
    case connecting
    /// Connected to a server.
    case connected
    /// Disconnected; retrying.
    case reconnecting
    /// Closed for good.
    case closed
}

/// State machine of a connection, as a value.
///
/// The search and nats.c's callbacks run on different threads, so a disconnect may be reported before the connect. Every order ends in the
/// right state.
struct ConnectionLifecycle {
    /// A connection event.
    enum Event {
        /// The search found a server.
        case serverFound
        /// nats.c gave the connection up; the search begins again.
        case searching
        /// The server was lost.
        case disconnected
        /// nats.c reconnected.
        case reconnected
        /// The connection was closed.
        case closed
    }

    private(set) var state = NATSConnectionState.connecting
    /// Whether the search has not reported a connection yet.
    private var isSearching = true

    /// Applies an event; returns whether the state changed.
    mutating func apply(_ event: Event) -> Bool {
        let next: NATSConnectionState =
            switch (state, event) {
            case (.closed, _), (_, .closed): .closed
            case (_, .serverFound): isSearching ? .connected : state
            case (_, .reconnected): .connected
            case (.connecting, .searching): .connecting
            case (_, .disconnected), (_, .searching): .reconnecting
            }
        isSearching = event == .searching
        defer { state = next }
        return next != state
    }
}
