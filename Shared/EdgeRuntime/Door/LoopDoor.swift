import Basics
import CEpoll
import Glibc
import HTTPFront
import Logging

/// Accepts connections on a delivery loop. Peeks at the input (`MSG_PEEK`): a plain request for a stream that can be validated without waiting
/// becomes a stream on this loop; every other connection is handed over with its input unread.
///
/// A stream whose start is older than the memory opens when the log was read. Until then its request stays unread, so that the connection can still
/// be handed over.
///
/// On the loop's thread. Does not wait for input that has not arrived at the accept.
actor LoopDoor {
    /// The most accepts in a round of the loop.
    private static let acceptsPerRound = 16
    /// The most requests that are peeked at and not admitted between two ticks; beyond it, connections are handed over unseen. So a flood of refused
    /// requests, each with a token whose signature is verified, takes little of the loop's time.
    private static let failedPeeksPerTick = 32
    /// The most connections that wait until the log was read, each with a head of at most 16 KiB; beyond it, they are handed over.
    private static let mostWaiting = 1024

    /// A connection that waits until the log was read.
    private final class Waiting {
        let arrival: DoorArrival
        var reserved: ReservedStream?

        init(_ arrival: DoorArrival, _ reserved: consuming ReservedStream) {
            self.arrival = arrival
            self.reserved = consume reserved
        }
    }

    nonisolated let loop: DeliveryLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    private let listener: Int32
    private let edge: Edge
    private let surface: any DoorSurface
    private let budget: DescriptorBudget
    private let handOver: @Sendable (Int32) -> Void
    private let logger: Logger
    /// Buffer for peeking, reused for each connection.
    private var scratch = [UInt8](repeating: 0, count: PlainHead.maximumBytes)
    /// Whether the listening socket is not watched, until the next tick.
    private var isPaused = true
    private var isClosed = false
    private var failedPeeksLeft = failedPeeksPerTick
    private var waiting: [UInt64: Waiting] = [:]
    private var nextWaiting: UInt64 = 0

    /// - Parameter listener: a listening socket, owned by the door. ``start()`` begins to accept.
    init(
        on loop: DeliveryLoop,
        listener: Int32,
        edge: Edge,
        surface: any DoorSurface,
        budget: DescriptorBudget,
        handOver: @escaping @Sendable (Int32) -> Void,
        logger: Logger
    ) {
        self.loop = loop
        self.listener = listener
        self.edge = edge
        self.surface = surface
        self.budget = budget
        self.handOver = handOver
        self.logger = logger
    }

    /// Begins to accept.
    func start() { self.resume() }

    /// Stops accepting, closes the socket, and ends the connections that wait: the process stops. Connections still queued by the kernel are reset.
    func close() {
        guard !self.isClosed else { return }
        self.pause()
        self.isClosed = true
        Glibc.close(self.listener)
        let waiting = self.waiting.values
        self.waiting = [:]
        for waiting in waiting {
            guard let reserved = waiting.reserved.take() else { continue }
            self.edge.refuse(waiting.arrival, .draining, reserved, on: self.loop)
            self.reportOpening(waiting.arrival)
        }
    }

    /// Accepts from the listening socket.
    func acceptConnections() {
        guard !self.isPaused else { return }
        for _ in 0..<Self.acceptsPerRound {
            // As ``AcceptGate``: pause while the descriptor budget is exceeded.
            guard self.budget.use.held < self.budget.limit + DescriptorBudget.slack else { return self.pause() }
            let descriptor = accept4(self.listener, nil, nil, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
            guard descriptor < 0 else {
                self.openOrHandOver(descriptor)
                continue
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return
            default:
                let error = SystemCallError(call: "accept4", code: errno)
                self.logger.debug("cannot accept a connection; tries again", metadata: [LogKey.error: "\(error)"])
                return self.pause()
            }
        }
    }

    /// Resets the number of failed peeks, and resumes accepting after a pause; called at each tick.
    func ticked() {
        self.failedPeeksLeft = Self.failedPeeksPerTick
        if self.isPaused { self.resume() }
    }

    private func resume() {
        // It may be closed before its start.
        guard !self.isClosed else { return }
        do throws(SystemCallError) {
            // Level-triggered: connections left in a round are reported in the next.
            try self.loop.register(self.listener, token: LoopHost.doorToken, events: EPOLLIN.rawValue)
            self.isPaused = false
        } catch {
            self.logger.error("cannot watch the listening socket; tries again", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func pause() {
        guard !self.isPaused else { return }
        self.loop.deregister(self.listener)
        self.isPaused = true
    }

    private func openOrHandOver(_ descriptor: Int32) {
        guard self.failedPeeksLeft > 0, self.open(descriptor) else { return self.handOverUnread(descriptor) }
    }

    private func handOverUnread(_ descriptor: Int32) {
        self.failedPeeksLeft = max(0, self.failedPeeksLeft - 1)
        self.handOver(descriptor)
    }

    /// Opens a stream if the connection requests one, now or when the log was read; returns whether it does. If not, nothing was read from the
    /// connection.
    private func open(_ descriptor: Int32) -> Bool {
        let accepted = self.loop.now()
        guard let head = self.peek(descriptor), let (stream, route) = self.surface.stream(for: head.request) else { return false }
        let arrival = DoorArrival(
            descriptor: descriptor,
            headLength: head.length,
            request: head.request,
            stream: stream,
            route: route,
            acceptedAt: accepted
        )
        switch self.edge.open(arrival, on: self.loop, budget: self.budget) {
        case .refused: return false
        case .needsLog(let reserved): return self.openLater(arrival, reserved)
        case .opened:
            self.reportOpening(arrival)
            return true
        }
    }

    /// Reads the log for the start of an arrival's stream, and then opens it. Returns false, and does nothing, if too many wait.
    private func openLater(_ arrival: DoorArrival, _ reserved: consuming ReservedStream) -> Bool {
        guard self.waiting.count < Self.mostWaiting else { return false }
        let number = self.nextWaiting
        self.nextWaiting += 1
        self.waiting[number] = Waiting(arrival, reserved)
        Task {
            let beginning = try? await self.edge.beginning(of: arrival.stream)
            self.open(number, from: beginning)
        }
        return true
    }

    /// - Parameter beginning: nil if the log is out of reach: the HTTP server tries again, and reports the error.
    private func open(_ number: UInt64, from beginning: Edge.Beginning?) {
        // It was ended if the door has closed meanwhile.
        guard let waiting = self.waiting.removeValue(forKey: number), let reserved = waiting.reserved.take() else { return }
        guard let beginning, self.edge.open(waiting.arrival, from: beginning, reserved, on: self.loop) else {
            return self.handOverUnread(waiting.arrival.descriptor)
        }
        self.reportOpening(waiting.arrival)
    }

    private func reportOpening(_ arrival: DoorArrival) {
        let duration = Duration.nanoseconds(Int64(clamping: self.loop.now().nanoseconds - arrival.acceptedAt.nanoseconds))
        self.surface.opened(arrival.stream, at: arrival.route, for: arrival.request, after: duration)
    }

    private func peek(_ descriptor: Int32) -> PlainHead? {
        self.scratch.withUnsafeMutableBytes { bytes in
            let count = recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_PEEK))
            return count > 0 ? PlainHead(UnsafeRawBufferPointer(rebasing: bytes[..<count])) : nil
        }
    }
}
