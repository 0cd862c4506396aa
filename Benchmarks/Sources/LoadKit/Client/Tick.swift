/// What the load tool writes into an event and finds again in a delivery.
struct Tick: Equatable {
    /// Which event of its tenant, from 1.
    var counter: UInt64
    /// When it was handed to the publisher's socket, by ``MonotonicClock``.
    var sent: UInt64
}
