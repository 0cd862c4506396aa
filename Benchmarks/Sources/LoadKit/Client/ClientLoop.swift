import CLinux
import Glibc
import Synchronization

/// A thread with an epoll instance that reads many connections and counts the received events.
///
/// The thread holds the state's lock for a whole round. Others take it only while the connections are quiet, and read progress from
/// atomics, so that reading it does not slow the loop.
final class ClientLoop: Sendable {
    private static let eventsPerRound = 1024
    private static let wakeToken = UInt64.max

    /// Number of events received since the beginning, over all connections.
    let delivered = Atomic<Int>(0)
    /// Number of streams opened so far, closed ones included.
    let opened = Atomic<Int>(0)
    /// Number of streams that the server has ended and closed.
    let closedByServer = Atomic<Int>(0)
    /// Whether ``failure()`` is set.
    let hasFailed = Atomic<Bool>(false)

    private let epoll: Int32
    private let wake: Int32
    private let state: Mutex<ClientState>
    private let busyTime: UInt64
    private let isStopped = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)

    /// Starts the thread, which runs until ``stop()``.
    ///
    /// - Parameters:
    ///   - endMarker: Bytes of the last message of a stream that the server may end; nil when it must end none.
    ///   - busyTime: How long the thread polls after an event before it waits; nanoseconds. A server on the same machine pays for each wake-up of
    ///     a waiting client, which one across a network does not.
    init(rule: OpeningRule, endMarker: [UInt8]? = nil, busyTime: UInt64 = 0) throws(LoadError) {
        self.busyTime = busyTime
        epoll = try SystemCall.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC)))
        wake = try SystemCall.check("eventfd", eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))
        state = Mutex(ClientState(epoll: epoll, rule: rule, endMarker: endMarker))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.wakeToken))
        try SystemCall.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event))
        var id = pthread_t()
        // The thread releases its reference when it ends.
        let this = Unmanaged.passRetained(self)
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            context.map { Unmanaged<ClientLoop>.fromOpaque($0).takeRetainedValue().run() }
            return nil
        }
        let result = pthread_create(&id, nil, start, this.toOpaque())
        guard result == 0 else {
            this.release()
            throw LoadError("pthread_create: \(String(cString: strerror(result)))")
        }
        thread.store(UInt(id), ordering: .relaxed)
    }

    /// Opens streams, a few at a time; ``opened`` has the progress.
    func open(_ openings: [Opening]) {
        state.withLock { $0.open(openings) }
        wakeUp()
    }

    /// Closes the oldest streams.
    func leave(_ count: Int) { state.withLock { $0.leave(count) } }

    /// Sets the time from which endings are measured, by ``MonotonicClock``.
    func measureEndings(since time: UInt64) { state.withLock { $0.endingsSince = time } }

    /// Returns how long after that time the last message of each ended stream was read.
    func endings() -> LatencyHistogram { state.withLock { $0.endings } }

    /// Returns the counts since the last call.
    func takeTally() -> Tally { state.withLock { $0.takeTally() } }

    /// Returns when the last stream opened, by ``MonotonicClock``.
    func lastOpened() -> UInt64 { state.withLock { $0.lastOpened } }

    /// Returns the first error.
    func failure() -> LoadError? { state.withLock { $0.failure } }

    /// Closes all connections and waits for the end of the thread. Call once.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        wakeUp()
        pthread_join(pthread_t(thread.load(ordering: .relaxed)), nil)
        close(wake)
        close(epoll)
    }

    private func wakeUp() {
        var one: UInt64 = 1
        write(wake, &one, MemoryLayout<UInt64>.size)
    }

    private func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventsPerRound)
        defer { events.deallocate() }
        var busyUntil: UInt64 = 0
        while !isStopped.load(ordering: .acquiring) {
            let isBusy = busyTime > 0 && MonotonicClock.now() < busyUntil
            let count = Int(epoll_wait(epoll, events, Int32(Self.eventsPerRound), isBusy ? 0 : -1))
            if isBusy, count == 0 { continue }
            if busyTime > 0 { busyUntil = MonotonicClock.now() + busyTime }
            state.withLock { state in
                for index in 0..<max(0, count) {
                    let token = events[index].data.u64
                    if token == Self.wakeToken {
                        var value: UInt64 = 0
                        read(wake, &value, MemoryLayout<UInt64>.size)
                        state.openMore()
                    } else {
                        state.readable(Int(token))
                    }
                }
                delivered.store(state.delivered, ordering: .relaxed)
                opened.store(state.opened, ordering: .relaxed)
                closedByServer.store(state.closedByServer, ordering: .relaxed)
                hasFailed.store(state.failure != nil, ordering: .relaxed)
            }
        }
        state.withLock { $0.close() }
    }
}
