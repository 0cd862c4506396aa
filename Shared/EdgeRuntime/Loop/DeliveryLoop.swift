import Basics
import CEpoll
import Glibc
import Synchronization

/// The callbacks of a ``DeliveryLoop``, all on the loop's thread.
protocol DeliveryLoopDelegate: AnyObject, Sendable {
    /// A registered descriptor has events: `token` as registered, `events` the `EPOLL…` bits.
    func descriptorReady(token: UInt64, events: UInt32)
    /// ``DeliveryLoop/signal()`` was called since the last round.
    func signalled()
    /// A multiple of the tick interval has passed. `now` is the loop's clock.
    func ticked(now: MonotonicInstant)
    /// The end of a round. Returns whether there is work for another round at once.
    func roundEnded() -> Bool
}

/// A thread with an epoll instance that is the executor of the actors on it.
///
/// 1. Waits for descriptors, ``signal()``, actor jobs and the tick, in one `epoll_wait`.
/// 2. Runs the jobs of the actors that name it as their executor, so that its callbacks may call those actors
///    synchronously (`assumeIsolated`): nothing on the delivery path awaits.
/// 3. Registers descriptors edge-triggered, once: a blocked socket costs no further system call until it is
///    writable again.
///
/// Has no knowledge of connections or events. Design: "The delivery loop is the actors' executor".
final class DeliveryLoop: SerialExecutor, Sendable {
    /// The interval between ticks.
    static let tickInterval: Duration = .milliseconds(100)

    private let epollDescriptor: Int32
    private let wakeDescriptor: Int32
    private let clock: @Sendable () -> MonotonicInstant
    private let inbox = Mutex<[UnownedJob]>([])
    /// Set by the waker, cleared by the loop: wake-ups within a round share one system call.
    private let isAwake = Atomic<Bool>(false)
    private let isSignalled = Atomic<Bool>(false)
    private let isStopped = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)

    /// Creates a loop whose thread is not running yet.
    /// - Parameter clock: The source of time; replaced in tests.
    /// - Throws: ``SystemCallError`` when the process has no descriptors left.
    init(clock: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now) throws(SystemCallError) {
        self.clock = clock
        self.epollDescriptor = try SystemCallError.check("epoll_create1", epoll_create1(Int32(EPOLL_CLOEXEC)))
        self.wakeDescriptor = try SystemCallError.check("eventfd", eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))
        try self.register(self.wakeDescriptor, token: Self.wakeToken, events: EPOLLIN.rawValue)
    }

    deinit {
        close(self.wakeDescriptor)
        close(self.epollDescriptor)
    }

    /// Starts the thread, which keeps the loop and its delegate alive until ``stop()``. Call once.
    func start(name: String, delegate: any DeliveryLoopDelegate) {
        let box = Unmanaged.passRetained(ThreadStart(loop: self, name: name, delegate: delegate))
        var id = pthread_t()
        let result = pthread_create(
            &id,
            nil,
            { context in
                // Balances the `passRetained` of `start`.
                let start = Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
                pthread_setname_np(pthread_self(), String(start.name.prefix(15)))
                start.loop.run(start.delegate)
                return nil
            },
            box.toOpaque()
        )
        precondition(result == 0, "no thread for a delivery loop: \(String(cString: strerror(result)))")
        pthread_detach(id)
    }

    /// Ends the thread after its current round.
    func stop() {
        self.isStopped.store(true, ordering: .releasing)
        self.wake()
    }

    // MARK: Descriptors (any thread)

    /// Watches `descriptor`; `events` are `EPOLL…` bits. Each report has `token`.
    func register(_ descriptor: Int32, token: UInt64, events: UInt32) throws(SystemCallError) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        try SystemCallError.check("epoll_ctl", epoll_ctl(self.epollDescriptor, EPOLL_CTL_ADD, descriptor, &event))
    }

    /// Stops watching `descriptor`. Call before closing it.
    func deregister(_ descriptor: Int32) {
        var event = epoll_event()
        epoll_ctl(self.epollDescriptor, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Requests a round with ``DeliveryLoopDelegate/signalled()``. Any thread; calls within a round are coalesced.
    func signal() {
        if !self.isSignalled.exchange(true, ordering: .acquiringAndReleasing) {
            self.wake()
        }
    }

    /// The loop's clock.
    func now() -> MonotonicInstant { self.clock() }

    // MARK: SerialExecutor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.inbox.withLock { $0.append(job) }
        self.wake()
    }

    func checkIsolated() {
        precondition(self.isCurrentThread, "not on this delivery loop's thread")
    }

    func isIsolatingCurrentContext() -> Bool? { self.isCurrentThread }

    private var isCurrentThread: Bool { self.thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: The thread

    private static let wakeToken = UInt64.max
    private static let eventsPerRound = 1024

    private func wake() {
        guard !self.isAwake.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        write(self.wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    private func run(_ delegate: any DeliveryLoopDelegate) {
        self.thread.store(UInt(pthread_self()), ordering: .relaxed)
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventsPerRound)
        defer { events.deallocate() }
        var nextTick = self.clock().advanced(by: Self.tickInterval)
        var hasWork = false

        while !self.isStopped.load(ordering: .acquiring) {
            let timeout = hasWork ? 0 : self.clock().milliseconds(until: nextTick)
            let count = epoll_wait(self.epollDescriptor, events, Int32(Self.eventsPerRound), timeout)
            for index in 0..<max(0, Int(count)) {
                let token = events[index].data.u64
                if token == Self.wakeToken {
                    self.acknowledgeWake()
                } else {
                    delegate.descriptorReady(token: token, events: events[index].events)
                }
            }
            self.runJobs()
            if self.isSignalled.exchange(false, ordering: .acquiringAndReleasing) {
                delegate.signalled()
            }
            let now = self.clock()
            if now >= nextTick {
                delegate.ticked(now: now)
                nextTick = now.advanced(by: Self.tickInterval)
            }
            hasWork = delegate.roundEnded()
        }
        self.runJobs()
    }

    /// Clears the flag before the jobs and the signal are checked, so that later ones wake the loop again.
    private func acknowledgeWake() {
        var count: UInt64 = 0
        read(self.wakeDescriptor, &count, MemoryLayout<UInt64>.size)
        self.isAwake.store(false, ordering: .sequentiallyConsistent)
    }

    private func runJobs() {
        while true {
            let jobs = self.inbox.withLock { inbox in
                let jobs = inbox
                inbox.removeAll(keepingCapacity: true)
                return jobs
            }
            if jobs.isEmpty { return }
            for job in jobs {
                job.runSynchronously(on: self.asUnownedSerialExecutor())
            }
        }
    }
}

private final class ThreadStart: Sendable {
    let loop: DeliveryLoop
    let name: String
    let delegate: any DeliveryLoopDelegate

    init(loop: DeliveryLoop, name: String, delegate: any DeliveryLoopDelegate) {
        self.loop = loop
        self.name = name
        self.delegate = delegate
    }
}
