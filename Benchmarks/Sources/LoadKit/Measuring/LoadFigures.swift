/// What one measurement of one server gave.
struct LoadFigures: Sendable {
    /// What the clients saw.
    let tally: Tally
    /// From the first publish to the last delivery, at least as long as the events were paced over; nanoseconds.
    let wall: UInt64
    /// The server's processor time in between; nanoseconds.
    let processor: UInt64
    /// The load's own; nanoseconds.
    let clientProcessor: UInt64
    /// How long the server's and the load's threads were ready to run and had no processor; nanoseconds.
    let waited: UInt64

    /// Processor time of the server a delivery; microseconds.
    var processorPerDelivery: Double { Double(processor) / Double(tally.deliveries) / 1000 }
    /// Deliveries for each second of processor time, which is what one core could do were it kept busy.
    var deliveriesPerCore: Double { Double(tally.deliveries) / Double(processor) * 1e9 }
    /// Deliveries for each second on the clock.
    var deliveriesPerSecond: Double { Double(tally.deliveries) / Double(wall) * 1e9 }
    /// Deliveries that came with one read: how far the server joined events, as its clients see it.
    var deliveriesPerRead: Double { Double(tally.deliveries) / Double(tally.reads) }
    var bytesPerDelivery: Double { Double(tally.bytes) / Double(tally.deliveries) }
    /// Share of one core that the server had; percent.
    var processorShare: Double { Double(processor) / Double(wall) * 100 }
    /// Share of one core that the load had; percent.
    var clientShare: Double { Double(clientProcessor) / Double(wall) * 100 }
    /// For how much of the time a thread of the server or the load waited for a processor; percent, over 100 when several did.
    var waitedShare: Double { Double(waited) / Double(wall) * 100 }

    /// Publish to receive; milliseconds.
    func latency(_ share: Double) -> Double { Double(tally.latency.quantile(share)) / 1e6 }
}

/// What opening streams took.
struct OpeningFigures: Sendable {
    let streams: Int
    /// From the first connect to the last first block; nanoseconds.
    let wall: UInt64
    /// The server's processor time in between; nanoseconds.
    let processor: UInt64
    /// What the server's resident memory grew by; bytes.
    let residentGrowth: Int

    var handshakesPerSecond: Double { Double(streams) / Double(wall) * 1e9 }
    /// Microseconds.
    var processorPerHandshake: Double { Double(processor) / Double(streams) / 1000 }
    var residentPerStream: Double { Double(residentGrowth) / Double(streams) }
}
