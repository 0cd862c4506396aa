/// Takes apart what a nats-server sends (<https://docs.nats.io/reference/reference-protocols/nats-protocol>): bytes in, messages out,
/// wherever reads cut them.
struct NATSReader {
    enum Inbound: Equatable {
        case info
        case ping
        case pong
        case ok
        /// What the server complains of.
        case error(String)
        /// Headers, if any, and body.
        case message([UInt8])
    }

    /// The limit: the load asks for no longer line or message.
    private static let maximumBytes = 4 << 20

    private var bytes: [UInt8] = []
    private var start = 0

    /// Adds what was read.
    mutating func append(_ more: some Collection<UInt8>) {
        bytes.removeFirst(start)
        start = 0
        bytes += more
    }

    /// The next whole message; nil when more must be read first.
    mutating func next() throws(LoadError) -> Inbound? {
        guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            guard bytes.count - start <= Self.maximumBytes else { throw LoadError("What answers at --nats is no nats-server.") }
            return nil
        }
        let line = String(decoding: bytes[start..<end], as: UTF8.self)
        let words = line.split(whereSeparator: \.isWhitespace)
        switch words.first?.uppercased() {
        case "INFO": return consumed(.info, through: end)
        case "PING": return consumed(.ping, through: end)
        case "PONG": return consumed(.pong, through: end)
        case "+OK": return consumed(.ok, through: end)
        case "-ERR": return consumed(.error(words.dropFirst().joined(separator: " ")), through: end)
        case "MSG", "HMSG":
            guard let length = words.last.flatMap({ Int($0) }), (0...Self.maximumBytes).contains(length) else {
                throw LoadError("The nats-server sent a message without a length.")
            }
            let body = end + 1
            // A message ends in CR LF, which its length does not count.
            guard bytes.count >= body + length + 2 else { return nil }
            return consumed(.message(Array(bytes[body..<body + length])), through: body + length + 1)
        default: throw LoadError("What answers at --nats is no nats-server.")
        }
    }

    private mutating func consumed(_ inbound: Inbound, through last: Int) -> Inbound {
        start = last + 1
        return inbound
    }
}
