import Basics
import CEpoll
import CNATS
import Glibc
import Synchronization

/// The thread that reads and writes the sockets of polled connections (``NATSConfiguration/isPolled``); one per process.
///
/// nats.c has no lock around a read of an event loop's socket. So every call that uses or closes such a socket is made here.
///
/// The thread has the policy `SCHED_BATCH`: a wake-up does not preempt the thread that publishes, so that what it publishes until it waits is
/// written at once.
final class PollingThread: Sendable {
    /// The thread's name.
    static let name = "nats-polling"
    /// The process's thread, once it has been started.
    private static let shared = Mutex<PollingThread?>(nil)

    private struct State {
        var sockets: [UInt64: PolledSocket] = [:]
        var nextID: UInt64 = 0
        var jobs: [@Sendable () -> Void] = []
    }

    private static let wakeID = UInt64.max
    private static let eventsPerRound: Int32 = 64

    private let epollDescriptor: Int32
    private let wakeDescriptor: Int32
    private let state = Mutex(State())
    /// Set by the waker, cleared by the thread: wake-ups within a round share one system call.
    private let isAwake = Atomic<Bool>(false)

    /// Returns the process's thread; starts it if needed.
    ///
    /// - Throws: the failed call, when the process has no descriptor or no thread left; the next call tries again.
    static func started() throws(SystemCallError) -> PollingThread {
        try shared.withLock { shared throws(SystemCallError) in
            if let shared { return shared }
            let thread = PollingThread(
                epoll: try SystemCallError.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC))),
                wake: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
            )
            try thread.start()
            shared = thread
            return thread
        }
    }

    private init(epoll: Int32, wake: Int32) {
        epollDescriptor = epoll
        wakeDescriptor = wake
    }

    /// After a failed start only: the thread keeps itself.
    deinit {
        close(epollDescriptor)
        if wakeDescriptor >= 0 { close(wakeDescriptor) }
    }

    private func start() throws(SystemCallError) {
        try SystemCallError.check("eventfd", wakeDescriptor)
        try control(EPOLL_CTL_ADD, wakeDescriptor, id: Self.wakeID, events: EPOLLIN.rawValue)
        let itself = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { context in
                // Balances the `passRetained` above.
                Unmanaged<PollingThread>.fromOpaque(context!).takeRetainedValue().serve()
            },
            itself.toOpaque()
        )
        guard result == 0 else {
            itself.release()
            throw SystemCallError(call: "pthread_create", code: result)
        }
        pthread_detach(thread)
    }

    // MARK: Any thread

    /// Runs `job` on the thread, soon.
    func run(_ job: @escaping @Sendable () -> Void) {
        state.withLock { $0.jobs.append(job) }
        wake()
    }

    /// Begins to watch a socket, and returns its id.
    func watch(_ socket: PolledSocket, descriptor: Int32) throws(SystemCallError) -> UInt64 {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            state.sockets[state.nextID] = socket
            return state.nextID
        }
        do throws(SystemCallError) {
            try control(EPOLL_CTL_ADD, descriptor, id: id, events: EPOLLIN.rawValue)
        } catch {
            state.withLock { $0.sockets[id] = nil }
            throw error
        }
        return id
    }

    /// Sets whether a watched socket is reported when it can be written, too.
    func watchWrites(_ isWanted: Bool, of descriptor: Int32, id: UInt64) {
        try? control(EPOLL_CTL_MOD, descriptor, id: id, events: EPOLLIN.rawValue | (isWanted ? EPOLLOUT.rawValue : 0))
    }

    /// Ends the watching of a socket. To be called before the socket is closed.
    func unwatch(_ descriptor: Int32, id: UInt64) {
        try? control(EPOLL_CTL_DEL, descriptor, id: id, events: 0)
        state.withLock { $0.sockets[id] = nil }
    }

    private func control(_ operation: Int32, _ descriptor: Int32, id: UInt64, events: UInt32) throws(SystemCallError) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: id))
        try SystemCallError.check("epoll_ctl", epoll_ctl(epollDescriptor, operation, descriptor, &event))
    }

    private func wake() {
        guard !isAwake.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: The thread

    private func serve() -> Never {
        pthread_setname_np(pthread_self(), Self.name)
        LibraryThreads.setPolicyOfCurrentThread()
        var events = [epoll_event](repeating: epoll_event(), count: Int(Self.eventsPerRound))
        while true {
            let count = epoll_wait(epollDescriptor, &events, Self.eventsPerRound, -1)
            for event in events.prefix(max(0, Int(count))) {
                let id = event.data.u64
                if id == Self.wakeID {
                    acknowledgeWake()
                } else if let socket = state.withLock({ $0.sockets[id] }) {
                    socket.isReady(toRead: event.events & ~EPOLLOUT.rawValue != 0, toWrite: event.events & EPOLLOUT.rawValue != 0)
                }
            }
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                return state.jobs
            }
            for job in jobs { job() }
        }
    }

    /// Clears the flag before the jobs are taken, so that later ones wake the thread again.
    private func acknowledgeWake() {
        var count: UInt64 = 0
        read(wakeDescriptor, &count, MemoryLayout<UInt64>.size)
        isAwake.store(false, ordering: .sequentiallyConsistent)
    }
}
