/// The payload of the load's events: `{"n":<counter>,"sent":<nanoseconds>,"pad":"xxx…"}`.
struct TickPayload: Sendable {
    /// The type of the load's events.
    static let type = "load.tick"
    /// The least size: room for two numbers of twenty digits.
    static let minimumBytes = 64

    /// How long every payload is, in bytes.
    let size: Int

    /// The payload that carries `tick`.
    func bytes(_ tick: Tick) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        bytes += Array("{\"n\":\(tick.counter),\"sent\":\(tick.sent),\"pad\":\"".utf8)
        bytes += repeatElement(UInt8(ascii: "x"), count: max(0, size - bytes.count - 2))
        bytes += Array("\"}".utf8)
        return bytes
    }
}
