/// The client's end of a stream. Small, because there are thousands: the bytes of an unfinished handshake are stored elsewhere.
struct Connection {
    enum Phase: UInt8 {
        case opening, open
        /// The server has sent the last message.
        case ended
        case closed
    }

    let descriptor: Int32
    var phase = Phase.opening
    var scanner = DeliveryScanner()
    /// The counter of the last event received.
    var lastCounter: UInt64

    init(descriptor: Int32, lastCounter: UInt64) {
        self.descriptor = descriptor
        self.lastCounter = lastCounter
    }

    /// Counts the events in `bytes`, which were read at `now`.
    mutating func received(_ bytes: UnsafeRawBufferPointer, at now: UInt64, in tally: inout Tally) {
        var rest = bytes
        while let tick = scanner.next(in: &rest) {
            tally.deliveries += 1
            tally.lastDelivery = now
            tally.latency.record(now > tick.sent ? now - tick.sent : 0)
            if tick.counter != lastCounter + 1 { tally.misplaced += 1 }
            lastCounter = tick.counter
        }
    }
}
