import Synchronization

/// Remembers of which streams the server has told its information, so that it can be asked for their messages. One per connection; any thread.
///
/// nats-server 2.9 crashes when it is asked for a message of a stream that it is creating: it looks into storage that is not there yet. It tells the
/// information of such a stream without a time of creation (``StreamInfo``), and later only when the storage is there.
final class ReadableStreams: Sendable {
    private let names = Mutex<Set<String>>([])

    func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
    func insert(_ name: String) { names.withLock { _ = $0.insert(name) } }
    func remove(_ name: String) { names.withLock { _ = $0.remove(name) } }
}
