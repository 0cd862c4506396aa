import Basics
import CNATS
import Dispatch
import Glibc

/// Process-wide state of nats.c.
enum NATSLibrary {
    /// Initializes nats.c once per process.
    ///
    /// 0: mutexes do not spin; spinning cost a third of all CPU at 100,000 requests/s on two cores.
    /// 4: delivery threads for all subscriptions (default 1). A subscription stays on one thread, so its messages keep their order; two may
    /// share a thread, so a blocking handler delays others.
    static let isOpen: Bool =
        LibraryThreads.start { nats_Open(0) } == NATS_OK && nats_SetMessageDeliveryPoolSize(4) == NATS_OK && hasKnownMessageLayout

    /// Whether the parts of a message are adjacent in memory, which ``NATSDelivery`` needs to find the headers. True since nats.c 2.2; if a later
    /// version changes this, the process refuses to start.
    private static var hasKnownMessageLayout: Bool {
        var created: OpaquePointer?
        guard natsMsg_Create(&created, "subject", "reply", "body", 4) == NATS_OK, let message = created else { return false }
        defer { natsMsg_Destroy(message) }
        guard let subject = natsMsg_GetSubject(message), let reply = natsMsg_GetReply(message), let body = natsMsg_GetData(message) else {
            return false
        }
        return reply == subject + strlen(subject) + 1 && body == reply + strlen(reply) + 1
    }

    /// Runs nats.c calls that wait for the network or join threads, so that they do not block the cooperative pool. Concurrent: a waiting flush
    /// must not delay the close of another connection.
    private static let blockingCalls = DispatchQueue(label: "causeway.nats.blocking-calls", attributes: .concurrent)

    /// Runs a blocking call off the cooperative pool.
    static func blocking<Value: Sendable>(_ call: @escaping @Sendable () -> Value) async -> Value {
        await blockingCalls.run(call)
    }

    /// Runs a blocking call on another thread, after a delay, without waiting for it.
    static func detached(after delay: Duration = .zero, _ call: @escaping @Sendable () -> Void) {
        blockingCalls.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: delay.nanoseconds)), execute: call)
    }
}

extension Duration {
    /// Whole milliseconds for nats.c, at least 1: 0 means "no limit" or "the default".
    var libraryMilliseconds: Int64 { min(max(1, milliseconds), Int64(Int32.max)) }
}
