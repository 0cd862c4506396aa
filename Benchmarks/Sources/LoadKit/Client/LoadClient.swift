import Synchronization

/// All clients of a load, distributed over a few threads.
final class LoadClient: Sendable {
    /// Time limit without progress; nanoseconds.
    private static let patience: UInt64 = 10_000_000_000
    /// Time limit with progress; nanoseconds.
    private static let limit: UInt64 = 120_000_000_000

    private let loops: [ClientLoop]

    /// - Parameters:
    ///   - threads: number of reading threads.
    ///   - endsByRevocation: whether the server ends all streams, because their token is revoked; otherwise it must end none.
    ///   - busyTime: see ``ClientLoop/init(rule:endMarker:busyTime:)``.
    init(threads: Int, surface: any Surface, endsByRevocation: Bool = false, busyTime: UInt64 = 0) throws(LoadError) {
        let rule = OpeningRule(acceptedStatus: surface.acceptedStatus, marker: surface.openedMarker)
        var loops: [ClientLoop] = []
        let endMarker = endsByRevocation ? surface.revokedMarker : nil
        for _ in 0..<threads { loops.append(try ClientLoop(rule: rule, endMarker: endMarker, busyTime: busyTime)) }
        self.loops = loops
    }

    /// Number of events received since the beginning.
    var delivered: Int { loops.reduce(0) { $0 + $1.delivered.load(ordering: .relaxed) } }

    private var opened: Int { loops.reduce(0) { $0 + $1.opened.load(ordering: .relaxed) } }

    /// Opens streams, distributed over the threads, and returns when all are open.
    /// - Returns: nanoseconds from the first connect to the last first block.
    func open(_ openings: [Opening]) throws(LoadError) -> UInt64 {
        guard !openings.isEmpty else { return 0 }
        let target = opened + openings.count
        let began = MonotonicClock.now()
        for (index, loop) in loops.enumerated() {
            loop.open(stride(from: index, to: openings.count, by: loops.count).map { openings[$0] })
        }
        try wait(for: target, "streams are open; raise the server's limits or look at its log") { opened }
        return (loops.map { $0.lastOpened() }.max() ?? began) - began
    }

    /// Opens streams and measures the server's cost.
    func open(_ openings: [Opening], measuring meter: ProcessMeter) throws(LoadError) -> OpeningFigures {
        let resident = try meter.settledResidentBytes()
        let processor = try meter.processorTime()
        let wall = try open(openings)
        let spent = try meter.processorTime() - processor
        let growth = try meter.settledResidentBytes() - resident
        return OpeningFigures(streams: openings.count, wall: wall, processor: spent, residentGrowth: growth)
    }

    /// Closes the oldest streams and opens others in their place; returns when these are open. Supports one thread only.
    func replace(with openings: [Opening]) throws(LoadError) {
        loops.first?.leave(openings.count)
        _ = try open(openings)
    }

    /// Number of streams that the server has ended and closed.
    var closedByServer: Int { loops.reduce(0) { $0 + $1.closedByServer.load(ordering: .relaxed) } }

    /// Sets the time from which endings are measured, by ``MonotonicClock``.
    func measureEndings(since time: UInt64) {
        for loop in loops { loop.measureEndings(since: time) }
    }

    /// Returns how long after that time the last message of each ended stream was read.
    func endings() -> LatencyHistogram {
        var endings = LatencyHistogram()
        for loop in loops { endings.merge(loop.endings()) }
        return endings
    }

    /// Waits until `count` events have been received since the beginning.
    func awaitDeliveries(_ count: Int) throws(LoadError) {
        try wait(for: count, "deliveries have come; events were lost, or the server has stopped delivering") { delivered }
    }

    /// Returns the counts since the last call. Call between loads only, because it waits for the threads' locks.
    func takeTally() -> Tally {
        var tally = Tally()
        for loop in loops { tally.merge(loop.takeTally()) }
        return tally
    }

    /// Throws the first error of a connection, if any.
    func check() throws(LoadError) {
        for loop in loops where loop.hasFailed.load(ordering: .relaxed) {
            if let failure = loop.failure() { throw failure }
        }
    }

    /// Closes everything. Call once.
    func stop() {
        for loop in loops { loop.stop() }
    }

    private func wait(for target: Int, _ what: String, progress: () -> Int) throws(LoadError) {
        var last = progress()
        var moved = MonotonicClock.now()
        let isDone = try MonotonicClock.wait(Self.limit) { () throws(LoadError) -> Bool in
            try check()
            let (now, before) = (MonotonicClock.now(), last)
            last = progress()
            if last > before { moved = now }
            return last >= target || now - moved > Self.patience
        }
        guard isDone, last >= target else { throw LoadError("Only \(last) of \(target) \(what).") }
    }
}
