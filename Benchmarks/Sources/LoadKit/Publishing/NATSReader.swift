/// Parses the protocol of nats-server (<https://docs.nats.io/reference/reference-protocols/nats-protocol>) across read boundaries.
struct NATSReader {
    enum Inbound: Equatable {
        case info
        case ping
        case pong
        case ok
        /// The server's error.
        case error(String)
        /// Headers, if any, and the body.
        case message([UInt8])
    }

    /// Maximum size of a line or message in bytes; the load's are smaller.
    private static let maximumBytes = 4 << 20

    private var bytes: [UInt8] = []
    private var start = 0

    /// Adds received bytes.
    mutating func append(_ more: some Collection<UInt8>) {
        bytes.removeFirst(start)
        start = 0
        bytes += more
    }

    /// Returns the next complete message; nil when more bytes are needed.
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
            // The length of a message does not include its final CR LF.
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
