import NATSClient
import Synchronization

/// Remembers what the log's stream and the side streams that the process checks held when it last asked, for metrics. Any thread.
final class SeenStreams: Sendable {
    private let streams = Mutex<[String: LogInspection.Stream]>([:])

    /// Records the server's answer about a stream.
    func note(_ info: StreamInfo) {
        let stream = LogInspection.Stream(info)
        streams.withLock { $0[stream.name] = stream }
    }

    /// Removes a stream that is absent.
    func forget(_ name: String) { streams.withLock { $0[name] = nil } }

    /// The streams, by name.
    var all: [LogInspection.Stream] { streams.withLock { $0.values.sorted { $0.name < $1.name } } }
}

extension EventLog {
    /// What the log's stream and the side streams that this process checks held when it last asked; a feed asks once a second,
    /// ``checkWritable(beside:)`` at each call. Any thread.
    public var seenStreams: [LogInspection.Stream] { seen.all }

    /// Asks the server about side streams, for ``seenStreams`` alone: keeps what is known of one that cannot be read now.
    public func look(at streams: [SideStream]) async {
        for stream in streams { _ = try? await noted(stream) }
    }

    /// Returns a side stream, and records what it holds; nil if absent.
    ///
    /// - Throws: as ``SideStream/existing()``.
    func noted(_ stream: SideStream) async throws(EventLogError) -> StreamInfo? {
        let info = try await stream.existing()
        if let info { seen.note(info) } else { seen.forget(stream.name) }
        return info
    }
}
