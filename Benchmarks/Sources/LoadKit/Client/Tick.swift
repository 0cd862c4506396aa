/// The values that the load tool writes into an event and parses from its delivery.
struct Tick: Equatable {
    /// The number of the event in its tenant, from 1.
    var counter: UInt64
    /// When the event was written to the publisher's socket, by ``MonotonicClock``.
    var sent: UInt64
}
