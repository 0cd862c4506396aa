import Synchronization

/// The streams whose messages may be requested. One per connection; any thread.
///
/// nats-server 2.9 crashes on `STREAM.MSG.GET` while it creates the stream. Until then its `STREAM.INFO` has no creation time, which ``StreamInfo``
/// refuses; a stream is added once its information was decoded. It is removed when the server does not know it, and all are when the connection is
/// lost: the next server may create them.
final class ReadableStreams: Sendable {
    private let names = Mutex<Set<String>>([])

    func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
    func insert(_ name: String) { names.withLock { _ = $0.insert(name) } }
    func remove(_ name: String) { names.withLock { _ = $0.remove(name) } }
    func removeAll() { names.withLock { $0 = [] } }
}
