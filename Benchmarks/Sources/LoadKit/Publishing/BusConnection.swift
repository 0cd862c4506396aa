import CLinux
import Glibc

/// A connection to the bus that publishes events like any NATS client (contract §10), and checks that the log has stored each.
///
/// One blocking socket, used by one thread. Independent of the project's NATS client, so that a fault of that client cannot go unnoticed.
final class BusConnection {
    /// Maximum number of unacknowledged events; the server's internal queue has a bound too.
    private static let maximumUnacknowledged = 2048
    /// Number of bytes that are buffered before they are sent.
    private static let bufferBytes = 32 * 1024
    /// Time limit of every wait for the server; seconds.
    private static let timeout = 10

    private let descriptor: Int32
    private let inbox: String
    private var reader = NATSReader()
    private var output: [UInt8] = []
    private var unacknowledged = 0

    /// Connects.
    init(address: SocketAddress) throws(LoadError) {
        inbox = "_INBOX.load-\(getpid())-\(MonotonicClock.now())"
        descriptor = try address.connected(timeout: Self.timeout)
        let options = "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"name\":\"causeway-load\"}"
        // Without `push()`, which may read the answer.
        try SystemCall.sendAll(Array("CONNECT \(options)\r\nSUB \(inbox) 1\r\nPING\r\n".utf8), to: descriptor)
        while try receive(wait: true) != .pong {}
    }

    deinit { close(descriptor) }

    /// Publishes an event; it may be buffered until ``push()``.
    /// - Parameters:
    ///   - tenant: the name, a subject token.
    ///   - id: unique within the log's duplicate window.
    ///   - payload: called just before the event is written, so that it has the current time.
    func publish(type: String, tenant: String, id: String, payload: () -> [UInt8]) throws(LoadError) {
        while unacknowledged >= Self.maximumUnacknowledged {
            // Either receive or push: the push may read the last acknowledgement, and a receive would then block.
            if output.isEmpty { _ = try receive(wait: true) } else { try push() }
        }
        let body = payload()
        let (time, milliseconds) = Self.wallClock()
        let head = Array(
            """
            NATS/1.0\r
            Nats-Msg-Id: \(id)\r
            ce-specversion: 1.0\r
            ce-id: \(id)\r
            ce-type: \(type)\r
            ce-source: causeway-load\r
            ce-time: \(time)\r
            causeway-intake: \(milliseconds)\r
            \r\n
            """.utf8
        )
        output += Array("HPUB events.\(tenant).\(type) \(inbox) \(head.count) \(head.count + body.count)\r\n".utf8)
        output += head
        output += body
        output += Array("\r\n".utf8)
        unacknowledged += 1
        if output.count >= Self.bufferBytes { try push() }
    }

    /// Sends a request to a service on the bus and returns the answer, after everything published is stored.
    func request(_ subject: String, _ body: [UInt8]) throws(LoadError) -> [UInt8] {
        try settle()
        output += Array("PUB \(subject) \(inbox) \(body.count)\r\n".utf8) + body + Array("\r\n".utf8)
        try SystemCall.sendAll(output, to: descriptor)
        output.removeAll(keepingCapacity: true)
        while true {
            if case .message(let answer) = try receive(wait: true) { return answer }
        }
    }

    /// Sends all buffered events.
    func push() throws(LoadError) {
        guard !output.isEmpty else { return }
        try SystemCall.sendAll(output, to: descriptor)
        output.removeAll(keepingCapacity: true)
        // Read answers, so that they do not fill the socket.
        while try receive(wait: false) != nil {}
    }

    /// Waits until the log has stored all published events.
    func settle() throws(LoadError) {
        try push()
        while unacknowledged > 0 { _ = try receive(wait: true) }
    }

    /// Reads and handles the server's next message; nil if no message has arrived and `wait` is false.
    private func receive(wait: Bool) throws(LoadError) -> NATSReader.Inbound? {
        while true {
            if let inbound = try reader.next() {
                try act(on: inbound)
                return inbound
            }
            let chunk = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
                count = recv(descriptor, buffer.baseAddress, buffer.count, wait ? 0 : Int32(MSG_DONTWAIT))
                // This initialiser cannot report an error, so an error counts as 0 bytes, like the end of the stream.
                count = max(0, count)
            }
            if chunk.isEmpty {
                guard wait else { return nil }
                throw LoadError(
                    "In \(Self.timeout) s nothing came from the nats-server: it closed the connection, or has no stream for events; look at its log."
                )
            }
            reader.append(chunk)
        }
    }

    private func act(on inbound: NATSReader.Inbound) throws(LoadError) {
        switch inbound {
        case .info, .pong, .ok: break
        case .ping: try SystemCall.sendAll(Array("PONG\r\n".utf8), to: descriptor)
        case .error(let complaint): throw LoadError("The nats-server refuses: \(complaint)")
        // Without unacknowledged events, it is the answer to a request.
        case .message where unacknowledged == 0: break
        case .message(let bytes):
            // A stream answers {"stream":…,"seq":…}. "No responders" is a message with headers only, status 503.
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.hasPrefix("{"), !text.contains("\"error\""), !text.contains("\"duplicate\"") else {
                throw LoadError("The log did not store an event; does an edge run against this nats-server? It said: \(text.prefix(200))")
            }
            unacknowledged -= 1
        }
    }

    /// Returns the wall-clock time in RFC 3339, and in milliseconds since 1970.
    private static func wallClock() -> (text: String, milliseconds: Int) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let time = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        let milliseconds = now.tv_nsec / 1_000_000
        return ("\(date)T\(time).\(padded(milliseconds, 3))Z", now.tv_sec * 1000 + milliseconds)
    }
}
