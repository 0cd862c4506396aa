import Synchronization

/// All clients of a load: a few threads, each with its share of the connections.
final class LoadClient: Sendable {
    /// Without any progress for so long, waiting is given up; nanoseconds.
    private static let patience: UInt64 = 10_000_000_000
    /// With progress, after so long; nanoseconds.
    private static let limit: UInt64 = 120_000_000_000

    private let loops: [ClientLoop]

    /// - Parameter threads: how many threads read.
    init(threads: Int, surface: any Surface) throws(LoadError) {
        let rule = OpeningRule(acceptedStatus: surface.acceptedStatus, marker: surface.openedMarker)
        var loops: [ClientLoop] = []
        for _ in 0..<threads { loops.append(try ClientLoop(rule: rule)) }
        self.loops = loops
    }

    /// Events received since the beginning.
    var delivered: Int { loops.reduce(0) { $0 + $1.delivered.load(ordering: .relaxed) } }

    private var opened: Int { loops.reduce(0) { $0 + $1.opened.load(ordering: .relaxed) } }

    /// Opens streams, spread over the threads, and returns when all stand.
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

    /// Opens streams and measures what that takes of a server.
    func open(_ openings: [Opening], measuring meter: ProcessMeter) throws(LoadError) -> OpeningFigures {
        let resident = try meter.settledResidentBytes()
        let processor = try meter.processorTime()
        let wall = try open(openings)
        let spent = try meter.processorTime() - processor
        let growth = try meter.settledResidentBytes() - resident
        return OpeningFigures(streams: openings.count, wall: wall, processor: spent, residentGrowth: growth)
    }

    /// Closes streams, those that have been open for the longest time, and opens others in their places; returns when these stand. With one thread only.
    func replace(with openings: [Opening]) throws(LoadError) {
        loops.first?.leave(openings.count)
        _ = try open(openings)
    }

    /// Returns when `count` events have been received since the beginning.
    func awaitDeliveries(_ count: Int) throws(LoadError) {
        try wait(for: count, "deliveries have come; events were lost, or the server has stopped delivering") { delivered }
    }

    /// What has been seen since the last call. Only between loads: it waits for the threads.
    func takeTally() -> Tally {
        var tally = Tally()
        for loop in loops { tally.merge(loop.takeTally()) }
        return tally
    }

    /// Throws what went wrong on a connection, if anything did.
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
