/// The clients' counts since a measurement began.
struct Tally: Sendable {
    /// Events received, over all connections.
    var deliveries = 0
    /// Bytes received, heartbeats included.
    var bytes = 0
    /// Calls of `recv` that returned data.
    var reads = 0
    /// Deliveries with a counter other than the previous one + 1: lost, duplicated or reordered.
    var misplaced = 0
    /// Deliveries behind the last message of their stream.
    var late = 0
    /// When the last delivery was read.
    var lastDelivery: UInt64 = 0
    var latency = LatencyHistogram()

    mutating func merge(_ other: Tally) {
        deliveries += other.deliveries
        bytes += other.bytes
        reads += other.reads
        misplaced += other.misplaced
        late += other.late
        lastDelivery = max(lastDelivery, other.lastDelivery)
        latency.merge(other.latency)
    }
}
