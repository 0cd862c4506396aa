import Basics
import CMalloc
import Glibc
import ServiceLifecycle

/// Gives free memory back to the kernel once a burst of work is over.
///
/// glibc keeps what was freed between allocations that are still in use. A process that has read 10,000 records, or had 10,000 arrivals, would
/// keep those pages for good. `malloc_trim(3)` returns them. It holds the allocator's locks meanwhile, so it runs when the process is quiet.
struct MemoryReturn: Service {
    /// How often the process's use of the processor is looked at.
    private static let interval: Duration = .seconds(1)

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var burst = BurstWatch()
            while true {
                try await Task.sleep(for: Self.interval)
                guard burst.isOver(processorTime: Self.processorTime(), interval: Self.interval) else { continue }
                malloc_trim(0)
                // The processor time of malloc_trim must not count as the next burst.
                burst.begin(at: Self.processorTime())
            }
        }
    }

    /// Returns what all threads of the process have used of the processor: `clock(3)`, which POSIX counts in microseconds.
    private static func processorTime() -> Duration { .microseconds(clock()) }
}

/// Decides when a burst of work is over: some processor time was used since the last one, and hardly any in the last interval. A pure value.
struct BurstWatch {
    /// The processor time of a burst; less leaves little behind.
    static let burst: Duration = .milliseconds(250)
    /// The share of an interval that a quiet process uses at most: one part of this many.
    static let quietPart = 20

    private var last: Duration = .zero
    private var used: Duration = .zero

    /// Resets the counter. The next call of ``isOver(processorTime:interval:)`` measures from `processorTime`.
    mutating func begin(at processorTime: Duration) { (last, used) = (processorTime, .zero) }

    /// Adds the processor time used since the last call, and decides.
    ///
    /// - Parameters:
    ///   - processorTime: used since the start of the process.
    ///   - interval: since the last look.
    /// - Returns: whether a burst is over; once for each.
    mutating func isOver(processorTime: Duration, interval: Duration) -> Bool {
        let recent = processorTime - last
        last = processorTime
        used += recent
        guard used >= Self.burst, recent * Self.quietPart <= interval else { return false }
        used = .zero
        return true
    }
}
