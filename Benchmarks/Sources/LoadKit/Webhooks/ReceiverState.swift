import CLinux
import Glibc

/// How an endpoint of a ``WebhookReceiver`` answers while there is trouble. Otherwise all answer at once.
enum ReceiverManner: Sendable {
    /// 204 at once.
    case healthy
    /// 204 after ten seconds.
    case slow
    /// 500 to every other request.
    case flapping
    /// Closes the connection instead of an answer.
    case dead
}

/// The connections and endpoints of a ``WebhookReceiver``.
struct ReceiverState {
    /// What came at an endpoint.
    struct Endpoint {
        let manner: ReceiverManner
        var requests = 0
        /// The counter of the last event that was answered with 2xx.
        var counter: UInt64 = 0
    }

    private struct Connection {
        let descriptor: Int32
        var received: [UInt8] = []
    }

    private static let delay: UInt64 = 10_000_000_000
    private static let maximumBytes = 1 << 20
    private static let accepted = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)
    private static let refused = Array("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".utf8)

    private let epoll: Int32
    private let listener: Int32
    /// By a number that is never used twice, unlike descriptors: a delayed answer may find its connection gone.
    private var connections: [UInt64: Connection] = [:]
    private var lastConnection: UInt64 = 0
    /// Connections that get their answer at a time, the first first.
    private var delayed: [(connection: UInt64, time: UInt64)] = []
    private var scratch = [UInt8](repeating: 0, count: 64 * 1024)

    var endpoints: [Endpoint]
    var isTroubled = false
    /// From publish to receipt, of healthy endpoints' events.
    var latency = LatencyHistogram()
    /// Events of healthy endpoints that were lost, repeated or out of order.
    var misplaced = 0
    /// The first request that could not be read.
    var failure: LoadError?

    init(epoll: Int32, listener: Int32, manners: [ReceiverManner]) {
        self.epoll = epoll
        self.listener = listener
        endpoints = manners.map { Endpoint(manner: $0) }
    }

    /// Number of endpoints that got a request.
    var reached: Int { endpoints.count { $0.requests > 0 } }

    /// Accepts what waits at the listener.
    mutating func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { return }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            lastConnection += 1
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: lastConnection))
            guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
                close(descriptor)
                continue
            }
            connections[lastConnection] = Connection(descriptor: descriptor)
        }
    }

    /// Reads a connection once, and handles the requests that are complete.
    mutating func readable(_ number: UInt64) {
        guard let descriptor = connections[number]?.descriptor else { return }
        let count = recv(descriptor, &scratch, scratch.count, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { end(number) }
            return
        }
        // Moved out of the table and back, so that nothing is copied.
        var received = connections[number]?.received ?? []
        connections[number]?.received = []
        received += scratch[..<count]
        var begin = 0
        while begin < received.count {
            guard let request = ReceivedRequest(received[begin...]) else {
                if received.count - begin > Self.maximumBytes {
                    return fail("a request of more than \(Self.maximumBytes) bytes came", number)
                }
                break
            }
            begin += request.length
            guard endpoints.indices.contains(request.endpoint) else { return fail("a request came for no endpoint", number) }
            handle(request, number)
        }
        received.removeFirst(begin)
        connections[number]?.received = received
    }

    /// Sends the answers that are due.
    mutating func answerDelayed(at now: UInt64) {
        let due = delayed.prefix { $0.time <= now }
        delayed.removeFirst(due.count)
        for (number, _) in due { send(Self.accepted, number) }
    }

    /// Closes all connections.
    mutating func endAll() { for number in Array(connections.keys) { end(number) } }

    private mutating func handle(_ request: ReceivedRequest, _ number: UInt64) {
        endpoints[request.endpoint].requests += 1
        let endpoint = endpoints[request.endpoint]
        switch isTroubled ? endpoint.manner : .healthy {
        case .healthy:
            if let tick = request.tick { note(tick, request.endpoint) }
            send(Self.accepted, number)
        case .slow: delayed.append((number, MonotonicClock.now() + Self.delay))
        case .flapping: send(endpoint.requests.isMultiple(of: 2) ? Self.refused : Self.accepted, number)
        case .dead: end(number)
        }
    }

    private mutating func note(_ tick: Tick, _ index: Int) {
        // An endpoint that had trouble has a backlog, which is not measured.
        if endpoints[index].manner == .healthy {
            if tick.counter != endpoints[index].counter + 1 { misplaced += 1 }
            latency.record(MonotonicClock.now() - tick.sent)
        }
        endpoints[index].counter = tick.counter
    }

    private mutating func send(_ bytes: [UInt8], _ number: UInt64) {
        guard let descriptor = connections[number]?.descriptor else { return }
        // A few bytes: what does not fit into the socket's buffer is for a peer that reads nothing.
        if Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) != bytes.count { end(number) }
    }

    private mutating func fail(_ problem: String, _ number: UInt64) {
        failure = failure ?? LoadError("At the receiver of webhooks \(problem).")
        end(number)
    }

    private mutating func end(_ number: UInt64) {
        if let connection = connections.removeValue(forKey: number) { close(connection.descriptor) }
    }
}

/// A request of a dispatcher, `POST /<endpoint>` with a length and a body.
struct ReceivedRequest {
    /// The number in the path; -1 for another path.
    let endpoint: Int
    /// The event's; nil for a message that is not the load's, such as a ping.
    let tick: Tick?
    /// The length in bytes.
    let length: Int

    private static let headEnd = Array("\r\n\r\n".utf8)
    private static let lengthName = Array("\r\ncontent-length:".utf8)

    /// Parses a request; nil while it is not complete, or without a length.
    ///
    /// On bytes alone, because the receiver shares its processors with the dispatcher.
    init?(_ bytes: ArraySlice<UInt8>) {
        let parsed = bytes.withUnsafeBytes { bytes -> (Int, Tick?, Int)? in
            guard let headLength = Self.find(Self.headEnd, in: bytes) else { return nil }
            let head = UnsafeRawBufferPointer(rebasing: bytes[..<headLength])
            guard let name = Self.find(Self.lengthName, in: head) else { return nil }
            let digits = head[(name + Self.lengthName.count)...].drop { $0 == UInt8(ascii: " ") }
            guard let count = Self.number(digits) else { return nil }
            let start = headLength + Self.headEnd.count
            guard bytes.count - start >= count else { return nil }
            let path = head.drop { $0 != UInt8(ascii: "/") }.dropFirst()
            var body = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)])
            var scanner = DeliveryScanner()
            return (Self.number(path) ?? -1, scanner.next(in: &body), start + count)
        }
        guard let parsed else { return nil }
        (endpoint, tick, length) = parsed
    }

    /// Returns the place of bytes in others; letters of either case are equal.
    private static func find(_ wanted: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).first { place in
            wanted.indices.allSatisfy { index in
                let byte = bytes[place + index]
                return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == wanted[index] : byte == wanted[index]
            }
        }
    }

    /// The number that bytes begin with; nil without one.
    private static func number(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let digits = bytes.prefix { $0 &- UInt8(ascii: "0") < 10 }
        guard (1...9).contains(digits.count) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
    }
}
