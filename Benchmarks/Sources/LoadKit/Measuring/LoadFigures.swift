/// The figures of one measurement of one server.
struct LoadFigures: Sendable {
    /// The clients' counts.
    let tally: Tally
    /// From the first publish to the last delivery, at least the paced duration; nanoseconds.
    let wall: UInt64
    /// The server's CPU time in that time; nanoseconds.
    let processor: UInt64
    /// The load's CPU time; nanoseconds.
    let clientProcessor: UInt64
    /// Time in which threads of the server and the load were runnable without a CPU; nanoseconds.
    let waited: UInt64

    /// CPU time of the server per delivery; microseconds.
    var processorPerDelivery: Double { Double(processor) / Double(tally.deliveries) / 1000 }
    /// Deliveries per second of CPU time: the throughput of one fully used core.
    var deliveriesPerCore: Double { Double(tally.deliveries) / Double(processor) * 1e9 }
    /// Deliveries per second of wall time.
    var deliveriesPerSecond: Double { Double(tally.deliveries) / Double(wall) * 1e9 }
    /// Deliveries per read of a client: how many events the server joins in a write.
    var deliveriesPerRead: Double { Double(tally.deliveries) / Double(tally.reads) }
    var bytesPerDelivery: Double { Double(tally.bytes) / Double(tally.deliveries) }
    /// The server's share of one core; percent.
    var processorShare: Double { Double(processor) / Double(wall) * 100 }
    /// The load's share of one core; percent.
    var clientShare: Double { Double(clientProcessor) / Double(wall) * 100 }
    /// The share of time in which threads of the server or the load waited for a CPU; percent, summed over threads, so it may exceed 100.
    var waitedShare: Double { Double(waited) / Double(wall) * 100 }

    /// Returns a quantile of the latency from publish to receipt; milliseconds.
    func latency(_ share: Double) -> Double { Double(tally.latency.quantile(share)) / 1e6 }
}

/// The cost of opening streams.
struct OpeningFigures: Sendable {
    let streams: Int
    /// From the first connect to the last first block; nanoseconds.
    let wall: UInt64
    /// The server's CPU time in that time; nanoseconds.
    let processor: UInt64
    /// Growth of the server's resident memory; bytes.
    let residentGrowth: Int

    var handshakesPerSecond: Double { Double(streams) / Double(wall) * 1e9 }
    /// CPU time of the server per handshake; microseconds.
    var processorPerHandshake: Double { Double(processor) / Double(streams) / 1000 }
    var residentPerStream: Double { Double(residentGrowth) / Double(streams) }
}
