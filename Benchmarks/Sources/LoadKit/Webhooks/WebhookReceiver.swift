import CLinux
import Glibc
import Synchronization

/// A receiver of webhooks on loopback, with any number of endpoints. Each has its own address (127.x.y.z),
/// because a dispatcher limits its attempts per host.
///
/// One thread with an epoll instance, which holds the state's lock for a round.
final class WebhookReceiver: Sendable {
    private static let listenerToken: UInt64 = 0
    private static let eventsPerRound = 1024
    private static let tick: Int32 = 20

    private let port: UInt16
    private let epoll: Int32
    private let listener: Int32
    private let state: Mutex<ReceiverState>
    private let isStopped = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)

    /// Starts the thread, which runs until ``stop()``.
    ///
    /// - Parameter manners: of each endpoint, while there is trouble.
    init(_ manners: [ReceiverManner]) throws(LoadError) {
        epoll = try SystemCall.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC)))
        let types = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        listener = try SystemCall.check("socket", socket(AF_INET, Int32(types), 0))
        // Without an address, the system listens on a free port of all interfaces, every address of loopback included.
        try SystemCall.check("listen", listen(listener, 4096))
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) { [listener] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        try SystemCall.check("getsockname", result)
        port = UInt16(bigEndian: name.sin_port)
        state = Mutex(ReceiverState(epoll: epoll, listener: listener, manners: manners))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.listenerToken))
        try SystemCall.check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        var id = pthread_t()
        // The thread releases its reference when it ends.
        let this = Unmanaged.passRetained(self)
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            context.map { Unmanaged<WebhookReceiver>.fromOpaque($0).takeRetainedValue().run() }
            return nil
        }
        let created = pthread_create(&id, nil, start, this.toOpaque())
        guard created == 0 else {
            this.release()
            throw LoadError("pthread_create: \(String(cString: strerror(created)))")
        }
        thread.store(UInt(id), ordering: .relaxed)
    }

    /// Returns the URL of an endpoint.
    func url(of endpoint: Int) -> String {
        let host = "127.\(1 + endpoint / 62_500).\(endpoint / 250 % 250).\(endpoint % 250 + 1)"
        return "http://\(host):\(port)/\(endpoint)"
    }

    /// Begins or ends the trouble.
    func setTroubled(_ isTroubled: Bool) { state.withLock { $0.isTroubled = isTroubled } }

    /// Waits until every endpoint got a request, such as its ping.
    func awaitAll(seconds: UInt64) throws(LoadError) {
        let count = state.withLock { $0.endpoints.count }
        let isDone = try MonotonicClock.wait(seconds * 1_000_000_000, every: 20_000_000) { () throws(LoadError) in reached() == count }
        guard isDone else { throw LoadError("Only \(reached()) of \(count) endpoints were pinged within \(seconds) s.") }
    }

    /// Waits until each healthy endpoint has the events of its tenant.
    ///
    /// - Parameter counters: of each tenant the counter of its last event; endpoint *i* is of tenant *i* modulo their number.
    func awaitEvents(_ counters: [UInt64], seconds: UInt64) throws(LoadError) {
        let isDone = try MonotonicClock.wait(seconds * 1_000_000_000, every: 2_000_000) { () throws(LoadError) in
            let (missing, failure) = state.withLock { state in
                (
                    state.endpoints.indices.contains {
                        state.endpoints[$0].manner == .healthy && state.endpoints[$0].counter < counters[$0 % counters.count]
                    }, state.failure
                )
            }
            if let failure { throw failure }
            return !missing
        }
        guard isDone else { throw LoadError("Not every healthy endpoint had its events within \(seconds) s.") }
    }

    /// Returns the latency since the last call.
    ///
    /// - Throws: when a healthy endpoint lost an event, or got one twice or out of order.
    func takeLatency() throws(LoadError) -> LatencyHistogram {
        let (latency, misplaced) = state.withLock { state in
            defer { state.latency = LatencyHistogram() }
            return (state.latency, state.misplaced)
        }
        guard misplaced == 0 else { throw LoadError("\(misplaced) events of healthy endpoints were lost, repeated or out of order.") }
        return latency
    }

    /// Ends the thread and closes everything.
    func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        pthread_join(pthread_t(thread.load(ordering: .relaxed)), nil)
        state.withLock { $0.endAll() }
        close(listener)
        close(epoll)
    }

    private func reached() -> Int { state.withLock { $0.reached } }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerRound)
        while !isStopped.load(ordering: .relaxed) {
            let ready = epoll_wait(epoll, &events, Int32(events.count), Self.tick)
            state.withLock { state in
                for index in 0..<Int(max(0, ready)) {
                    let token = events[index].data.u64
                    if token == Self.listenerToken { state.acceptAll() } else { state.readable(token) }
                }
                state.answerDelayed(at: MonotonicClock.now())
            }
        }
    }
}
