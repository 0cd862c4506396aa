/// What deciding one batch of approvals gave.
struct DecisionFigures: Sendable {
    /// What the clients saw.
    let tally: ExchangeTally
    /// What was used from the first request to the last answer.
    let deciding: Usage
    /// The server's processor time from the first request until everything that follows from the decisions was in the log, and read by
    /// the server; nanoseconds.
    let processor: UInt64

    private var decisions: Double { Double(tally.latency.count) }

    /// Answers for each second on the clock.
    var decisionsPerSecond: Double { decisions / Double(tally.wall) * 1e9 }
    /// Microseconds.
    var processorPerDecision: Double { Double(processor) / decisions / 1000 }
    /// Share of one core that the server had; percent.
    var processorShare: Double { Double(deciding.server) / Double(tally.wall) * 100 }
    /// Share of one core that the load had; percent.
    var clientShare: Double { Double(deciding.load) / Double(tally.wall) * 100 }
    /// For how much of the time a thread of the server or the load waited for a processor; percent, over 100 when several did.
    var waitedShare: Double { Double(deciding.waited) / Double(tally.wall) * 100 }

    /// Request to answer; milliseconds.
    func latency(_ share: Double) -> Double { Double(tally.latency.quantile(share)) / 1e6 }
}
