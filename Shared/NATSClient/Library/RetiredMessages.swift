import CNATS
import Synchronization

/// Frees messages in batches. Any thread.
///
/// `natsMsg_Destroy` hands each message to the garbage-collection thread of nats.c and wakes it: two context switches a message. A batch wakes it once.
/// Holds back fewer than ``most`` messages and less than ``mostBytes``.
enum RetiredMessages {
    private static let most = 64
    private static let mostBytes = 256 << 10

    /// Unchecked: a message belongs to one thread at a time, which passes it on under the mutex.
    private struct Batch: @unchecked Sendable {
        var messages: [OpaquePointer] = []
        var bytes = 0
    }

    private static let batch = Mutex(Batch())

    /// Takes ownership of a message, and destroys the batch when it is full.
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
