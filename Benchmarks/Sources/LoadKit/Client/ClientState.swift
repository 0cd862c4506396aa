import CLinux
import Glibc

/// The connections of one client thread, and what they have received.
struct ClientState {
    /// Handshakes under way at once: enough to keep a server busy, few enough for any backlog.
    static let maximumUnderWay = 64
    private static let scratchBytes = 256 * 1024
    private static let connectTimeout = 5

    private let epoll: Int32
    private let rule: OpeningRule
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 16)
    private var connections: [Connection] = []
    /// What has come of handshakes that are under way, by connection.
    private var greetings: [Int: [UInt8]] = [:]
    /// What is to be opened, last first.
    private var waiting: [Opening] = []

    /// Where ``leave(_:)`` goes on: streams in front of it have been closed.
    private var firstPresent = 0

    /// Since the last ``takeTally()``.
    private var tally = Tally()
    /// Events received since the beginning.
    private(set) var delivered = 0
    /// Streams that stand or stood.
    private(set) var opened = 0
    /// When the last one opened.
    private(set) var lastOpened: UInt64 = 0
    /// What went wrong first; nothing that follows counts.
    private(set) var failure: LoadError?

    init(epoll: Int32, rule: OpeningRule) {
        self.epoll = epoll
        self.rule = rule
    }

    /// Closes everything. To be called once, last.
    mutating func close() {
        for connection in connections where connection.phase != .closed { Glibc.close(connection.descriptor) }
        connections = []
        scratch.deallocate()
    }

    /// Adds streams to be opened; ``openMore()`` begins.
    mutating func open(_ openings: [Opening]) {
        waiting = openings.reversed() + waiting
    }

    /// Starts as many handshakes as may be under way.
    mutating func openMore() {
        while failure == nil, greetings.count < Self.maximumUnderWay, let opening = waiting.popLast() {
            do throws(LoadError) {
                try begin(opening)
            } catch {
                failure = error
            }
        }
    }

    /// Closes the streams that have been open for the longest time.
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

    /// What has been seen since the last call.
    mutating func takeTally() -> Tally {
        let taken = tally
        tally = Tally()
        return taken
    }

    private mutating func begin(_ opening: Opening) throws(LoadError) {
        // On loopback a blocking connect takes no longer than another one would, and its failures come at once.
        let descriptor = try opening.address.connected(timeout: Self.connectTimeout)
        let slot = connections.count
        connections.append(Connection(descriptor: descriptor, lastCounter: opening.lastCounter))
        greetings[slot] = []
        try SystemCall.sendAll(opening.request, to: descriptor)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(slot)))
        try SystemCall.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event))
    }

    /// Reads once from a connection that epoll has named; what is left over is named again.
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
        if connections[slot].phase == .open {
            received(bytes, on: slot, at: now)
        } else {
            continueHandshake(bytes, on: slot, at: now)
        }
    }

    private mutating func received(_ bytes: UnsafeRawBufferPointer, on slot: Int, at now: UInt64) {
        let before = tally.deliveries
        connections[slot].received(bytes, at: now, in: &tally)
        delivered += tally.deliveries - before
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
        let said = greetings[slot].map { " It said: " + String(decoding: $0.suffix(256), as: UTF8.self) }
        failure = failure ?? LoadError("A connection was closed by the server, or broke, with \(opened) opened.\(said ?? "")")
        connections[slot].phase = .closed
        Glibc.close(connections[slot].descriptor)
    }
}
