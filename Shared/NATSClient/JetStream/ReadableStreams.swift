import Synchronization

/// The streams whose messages may be requested. One per connection; any thread.
///
/// nats-server 2.9 crashes on `STREAM.MSG.GET` while it creates the stream. Until then its `STREAM.INFO` has no creation time, which ``StreamInfo``
/// refuses; a stream is added once its information was decoded. It is removed when this process deletes it or the server does not know it, and all
/// are when the connection is lost: the next server may create them. A stream that another process deletes and creates again is not noticed.
final class ReadableStreams: Sendable {
    private struct State {
        var names: Set<String> = []
        var losses: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How often the connection was lost.
    var losses: UInt64 { state.withLock { $0.losses } }

    func contains(_ name: String) -> Bool { state.withLock { $0.names.contains(name) } }

    func remove(_ name: String) { state.withLock { _ = $0.names.remove(name) } }

    /// Adds a stream, unless the connection was lost since.
    ///
    /// - Parameter losses: ``losses`` before its information was requested.
    func insert(_ name: String, losses: UInt64) {
        state.withLock { state in
            if state.losses == losses { state.names.insert(name) }
        }
    }

    /// Removes all.
    func connectionLost() {
        state.withLock { state in
            state.names = []
            state.losses += 1
        }
    }
}
