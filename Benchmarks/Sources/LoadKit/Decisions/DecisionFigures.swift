/// The figures of deciding one batch of approvals.
struct DecisionFigures: Sendable {
    /// The clients' counts.
    let tally: ExchangeTally
    /// Usage from the first request to the last answer.
    let deciding: Usage
    /// The server's CPU time from the first request until it has read all effects of the decisions from the log; nanoseconds.
    let processor: UInt64

    private var decisions: Double { Double(tally.latency.count) }

    /// Answers per second of wall time.
    var decisionsPerSecond: Double { decisions / Double(tally.wall) * 1e9 }
    /// CPU time of the server per decision; microseconds.
    var processorPerDecision: Double { Double(processor) / decisions / 1000 }
    /// The server's share of one core; percent.
    var processorShare: Double { Double(deciding.server) / Double(tally.wall) * 100 }
    /// The load's share of one core; percent.
    var clientShare: Double { Double(deciding.load) / Double(tally.wall) * 100 }
    /// The share of time in which threads of the server or the load waited for a CPU; percent, summed over threads, so it may exceed 100.
    var waitedShare: Double { Double(deciding.waited) / Double(tally.wall) * 100 }

    /// Returns a quantile of the latency from request to answer; milliseconds.
    func latency(_ share: Double) -> Double { Double(tally.latency.quantile(share)) / 1e6 }
}
