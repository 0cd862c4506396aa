import Basics
import CNATS
import Dispatch
import Glibc

/// What all connections of the process share of nats.c.
enum NATSLibrary {
    /// Sets nats.c up, once a process.
    ///
    /// 0: its mutexes do not spin before they wait; spinning cost a third of all CPU at a hundred thousand requests a second on two cores.
    /// 4: the threads that deliver messages to all subscriptions, 1 unless set. A subscription stays on one thread of the pool, so its messages
    /// keep their order; two subscriptions may share a thread, so a handler that blocks holds up others.
    static let isOpen: Bool = nats_Open(0) == NATS_OK && nats_SetMessageDeliveryPoolSize(4) == NATS_OK && hasKnownMessageLayout

    /// Whether the parts of a message follow each other in memory, as ``NATSDelivery`` needs it to find the headers. True of nats.c since headers
    /// came, in 2.2; should that ever change, the process does not start, instead of taking one thing for another.
    private static var hasKnownMessageLayout: Bool {
        var created: OpaquePointer?
        guard natsMsg_Create(&created, "subject", "reply", "body", 4) == NATS_OK, let message = created else { return false }
        defer { natsMsg_Destroy(message) }
        guard let subject = natsMsg_GetSubject(message), let reply = natsMsg_GetReply(message), let body = natsMsg_GetData(message) else {
            return false
        }
        return reply == subject + strlen(subject) + 1 && body == reply + strlen(reply) + 1
    }

    /// The threads on which calls of nats.c that wait for the network or join threads run, so that none of them blocks a thread
    /// of the cooperative pool. Concurrent: a flush that waits must not keep another connection from closing.
    private static let blockingCalls = DispatchQueue(label: "causeway.nats.blocking-calls", attributes: .concurrent)

    /// Runs a blocking call away from the cooperative pool.
    static func blocking<Value: Sendable>(_ call: @escaping @Sendable () -> Value) async -> Value {
        await blockingCalls.run(call)
    }

    /// Runs a blocking call away from the caller's thread, after a while or at once, without waiting for it.
    static func detached(after delay: Duration = .zero, _ call: @escaping @Sendable () -> Void) {
        blockingCalls.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: delay.nanoseconds)), execute: call)
    }
}

extension Duration {
    /// Whole milliseconds for nats.c, at least 1: it takes 0 for "no limit" or "the default".
    var libraryMilliseconds: Int64 { min(max(1, milliseconds), Int64(Int32.max)) }
}
