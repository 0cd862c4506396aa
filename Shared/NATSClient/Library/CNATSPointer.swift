/// A nats.c handle shared between threads.
///
/// Unchecked: nats.c documents that connections and subscriptions carry a mutex and may be used from any thread, which the compiler cannot
/// see. Only for those two; messages and options belong to one thread at a time.
struct CNATSPointer: @unchecked Sendable {
    let raw: OpaquePointer
}
