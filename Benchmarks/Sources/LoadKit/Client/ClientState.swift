import CLinux
import Glibc

/// The connections of one client thread, and their counts.
struct ClientState {
    /// Maximum number of concurrent handshakes: enough to keep a server busy, few enough for its listen backlog.
    static let maximumUnderWay = 64
    private static let scratchBytes = 256 * 1024
    private static let connectTimeout = 5

    private let epoll: Int32
    private let rule: OpeningRule
    /// Bytes of the last message of a stream that the server may end; nil when it must end none.
    private let endMarker: [UInt8]?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 16)
    private var connections: [Connection] = []
    /// Bytes received in unfinished handshakes, by connection.
    private var greetings: [Int: [UInt8]] = [:]
    /// Streams to be opened, in reverse order.
    private var waiting: [Opening] = []

    /// Index of the first stream that ``leave(_:)`` has not closed.
    private var firstPresent = 0

    /// Counts since the last ``takeTally()``.
    private var tally = Tally()
    /// Number of events received since the beginning.
    private(set) var delivered = 0
    /// Number of streams opened so far, closed ones included.
    private(set) var opened = 0
    /// When the last stream opened.
    private(set) var lastOpened: UInt64 = 0
    /// From when ``endings`` are measured, by ``MonotonicClock``.
    var endingsSince: UInt64 = 0
    /// The times at which the last message of a stream was read.
    private(set) var endings = LatencyHistogram()
    /// Number of streams that the server has ended and closed.
    private(set) var closedByServer = 0
    /// The first error; later ones are ignored.
    private(set) var failure: LoadError?

    init(epoll: Int32, rule: OpeningRule, endMarker: [UInt8]?) {
        self.epoll = epoll
        self.endMarker = endMarker
        self.rule = rule
    }

    /// Closes everything. Call once, last.
    mutating func close() {
        for connection in connections where connection.phase != .closed { Glibc.close(connection.descriptor) }
        connections = []
        scratch.deallocate()
    }

    /// Adds streams to be opened; ``openMore()`` starts them.
    mutating func open(_ openings: [Opening]) {
        waiting = openings.reversed() + waiting
    }

    /// Starts handshakes up to the maximum of concurrent ones.
    mutating func openMore() {
        while failure == nil, greetings.count < Self.maximumUnderWay, let opening = waiting.popLast() {
            do throws(LoadError) {
                try begin(opening)
            } catch {
                failure = error
            }
        }
    }

    /// Closes the oldest streams.
    mutating func leave(_ count: Int) {
        var left = 0
        while left < count, firstPresent < connections.count, connections[firstPresent].phase != .opening {
            if connections[firstPresent].phase == .open {
                connections[firstPresent].phase = .closed
                Glibc.close(connections[firstPresent].descriptor)
                left += 1
            }
            firstPresent += 1
        }
    }

    /// Returns the counts since the last call.
    mutating func takeTally() -> Tally {
        let taken = tally
        tally = Tally()
        return taken
    }

    private mutating func begin(_ opening: Opening) throws(LoadError) {
        // On loopback a blocking connect is as fast as a non-blocking one, and reports failures at once.
        let descriptor = try opening.address.connected(timeout: Self.connectTimeout)
        let slot = connections.count
        connections.append(Connection(descriptor: descriptor, lastCounter: opening.lastCounter))
        greetings[slot] = []
        try SystemCall.sendAll(opening.request, to: descriptor)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(slot)))
        try SystemCall.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event))
    }

    /// Reads once from a connection that epoll reported. If data remains, epoll reports the connection again.
    mutating func readable(_ slot: Int) {
        guard connections[slot].phase != .closed else { return }
        let count = recv(connections[slot].descriptor, scratch.baseAddress, scratch.count, 0)
        let now = MonotonicClock.now()
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { lost(slot) }
            return
        }
        tally.reads += 1
        tally.bytes += count
        let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<count])
        if connections[slot].phase != .opening {
            received(bytes, on: slot, at: now)
        } else {
            continueHandshake(bytes, on: slot, at: now)
        }
    }

    private mutating func received(_ bytes: UnsafeRawBufferPointer, on slot: Int, at now: UInt64) {
        let before = tally.deliveries
        if let endMarker, connections[slot].phase == .open, let marker = bytes.firstRange(of: endMarker) {
            connections[slot].received(UnsafeRawBufferPointer(rebasing: bytes[..<marker.lowerBound]), at: now, in: &tally)
            connections[slot].phase = .ended
            endings.record(now > endingsSince ? now - endingsSince : 0)
            delivered += tally.deliveries - before
            received(UnsafeRawBufferPointer(rebasing: bytes[marker.upperBound...]), on: slot, at: now)
            return
        }
        connections[slot].received(bytes, at: now, in: &tally)
        delivered += tally.deliveries - before
        if connections[slot].phase == .ended { tally.late += tally.deliveries - before }
    }

    private mutating func continueHandshake(_ bytes: UnsafeRawBufferPointer, on slot: Int, at now: UInt64) {
        greetings[slot, default: []] += bytes
        switch rule.verdict(greetings[slot, default: []]) {
        case .incomplete: return
        case .opened(let rest):
            greetings[slot] = nil
            connections[slot].phase = .open
            opened += 1
            lastOpened = now
            received(UnsafeRawBufferPointer(rebasing: bytes.suffix(min(rest, bytes.count))), on: slot, at: now)
            openMore()
        case .refused(let reason):
            failure = failure ?? LoadError("A handshake was refused after \(opened) others: \(reason)")
        }
    }

    private mutating func lost(_ slot: Int) {
        if connections[slot].phase == .ended {
            closedByServer += 1
            connections[slot].phase = .closed
            Glibc.close(connections[slot].descriptor)
            return
        }
        let said = greetings[slot].map { " It said: " + String(decoding: $0.suffix(256), as: UTF8.self) }
        failure = failure ?? LoadError("A connection was closed by the server, or broke, with \(opened) opened.\(said ?? "")")
        connections[slot].phase = .closed
        Glibc.close(connections[slot].descriptor)
    }
}
