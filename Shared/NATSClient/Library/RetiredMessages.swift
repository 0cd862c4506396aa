import CNATS
import Synchronization

/// Messages to be freed, in batches. Any thread.
///
/// nats.c frees a message on a thread of its own, and wakes it from the destroying thread, if it sleeps: two switches between threads for each message
/// that comes or goes. A batch wakes it once. Some messages stay in memory until others follow: at most ``most``, and ``mostBytes``.
enum RetiredMessages {
    private static let most = 64
    private static let mostBytes = 256 << 10

    /// Unchecked: a message belongs to one thread at a time, which passes it on under the mutex.
    private struct Batch: @unchecked Sendable {
        var messages: [OpaquePointer] = []
        var bytes = 0
    }

    private static let batch = Mutex(Batch())

    /// Takes ownership of a message that nobody uses any more.
    ///
    /// - Parameter bytes: The size of its body and headers.
    static func retire(_ message: OpaquePointer, bytes: Int) {
        let full = batch.withLock { batch -> Batch? in
            if batch.messages.isEmpty { batch.messages.reserveCapacity(most) }
            batch.messages.append(message)
            batch.bytes += bytes
            guard batch.messages.count >= most || batch.bytes >= mostBytes else { return nil }
            defer { batch = Batch() }
            return batch
        }
        guard let full else { return }
        for message in full.messages { natsMsg_Destroy(message) }
    }
}
