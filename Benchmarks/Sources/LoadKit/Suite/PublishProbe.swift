import Glibc
import Synchronization

/// A thread that publishes an event over HTTP a hundred times a second, and records the latencies.
final class PublishProbe: Sendable {
    private static let interval: UInt64 = 10_000_000

    private struct State {
        var latency = LatencyHistogram()
        var failure: LoadError?
    }

    private let state = Mutex(State())
    private let isStopped = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)
    private let address: SocketAddress
    private let token: String

    /// Starts the thread, which runs until ``stop()``.
    ///
    /// - Parameter token: The token of a producer.
    init(address: SocketAddress, token: String) throws(LoadError) {
        self.address = address
        self.token = token
        var id = pthread_t()
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            context.map { Unmanaged<PublishProbe>.fromOpaque($0).takeRetainedValue().run() }
            return nil
        }
        // The thread releases its reference when it ends.
        let this = Unmanaged.passRetained(self)
        let result = pthread_create(&id, nil, start, this.toOpaque())
        guard result == 0 else {
            this.release()
            throw LoadError("pthread_create: \(String(cString: strerror(result)))")
        }
        thread.store(UInt(id), ordering: .relaxed)
    }

    /// Returns the latencies since the last call.
    func take() throws(LoadError) -> LatencyHistogram {
        let (latency, failure) = state.withLock { state in
            defer { state.latency = LatencyHistogram() }
            return (state.latency, state.failure)
        }
        if let failure { throw failure }
        return latency
    }

    /// Stops the thread and waits for its end. Call once.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        pthread_join(pthread_t(thread.load(ordering: .relaxed)), nil)
    }

    private func run() {
        do throws(LoadError) {
            let loop = try ExchangeLoop(address: address, clients: 1)
            var next = MonotonicClock.now()
            var counter: UInt64 = 0
            while !isStopped.load(ordering: .acquiring) {
                counter += 1
                let event = IntakeRequest.event(Tick(counter: counter, sent: next), tenant: "probe")
                let tally = try loop.run([IntakeRequest.exchange(token: token, events: event, count: 1)])
                state.withLock { $0.latency.merge(tally.latency) }
                next = max(next + Self.interval, MonotonicClock.now())
                MonotonicClock.sleep(until: next)
            }
        } catch {
            state.withLock { $0.failure = error }
        }
    }
}
