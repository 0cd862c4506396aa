/// What the clients have seen since a measurement began.
struct Tally: Sendable {
    /// Events received, over all connections.
    var deliveries = 0
    /// Everything received, keepalives included.
    var bytes = 0
    /// Calls of `recv` that gave something.
    var reads = 0
    /// Deliveries that were not the event after the one before: lost, doubled or out of order.
    var misplaced = 0
    /// When the last delivery was read.
    var lastDelivery: UInt64 = 0
    var latency = LatencyHistogram()

    mutating func merge(_ other: Tally) {
        deliveries += other.deliveries
        bytes += other.bytes
        reads += other.reads
        misplaced += other.misplaced
        lastDelivery = max(lastDelivery, other.lastDelivery)
        latency.merge(other.latency)
    }
}
