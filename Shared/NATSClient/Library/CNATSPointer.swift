/// A handle of nats.c that more than one thread uses.
///
/// Unchecked, because the compiler cannot see what nats.c documents: connections and subscriptions carry a mutex of their own and may be
/// used from any thread. It is used for those two only; a message or an options object belongs to one thread at a time and never goes in here.
struct CNATSPointer: @unchecked Sendable {
    let raw: OpaquePointer
}
