import Glibc

/// A run of decisions: for each round and number of clients, requests approvals on the bus, decides them over HTTP, and counts the
/// decisions in the log.
public final class DecisionRun {
    /// Pause before a measurement, so that earlier work has ended; nanoseconds.
    private static let pause: UInt64 = 200_000_000
    /// Time limit for the effects of the last decision to be in the log; nanoseconds.
    private static let patience: UInt64 = 30_000_000_000
    private static let looks: UInt64 = 50_000_000

    private let options: DecisionOptions
    private let bus: BusConnection
    private let meter: ProcessMeter
    /// Prefix of the tenants' names; unique on this machine.
    private let runName: String
    private let log: (String) -> Void

    /// Connects to the bus.
    /// - Parameter log: receives progress messages.
    public init(options: DecisionOptions, log: @escaping (String) -> Void) throws(LoadError) {
        self.options = options
        self.log = log
        // A write to a closed connection fails with EPIPE instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        let descriptors = SystemCall.raiseDescriptorLimit()
        let needed = (options.clients.max() ?? 0) + 64
        guard descriptors >= needed else {
            throw LoadError("\(needed) descriptors are needed and \(descriptors) allowed: raise `ulimit -n` or lower --clients.")
        }
        bus = try BusConnection(address: options.bus)
        meter = ProcessMeter(processID: options.processID)
        runName = "\(options.tenantName)-\(String(MonotonicClock.now(), radix: 36))"
        if let affinity = options.affinity {
            try Affinity.pin(process: options.processID, to: affinity.server)
            try Affinity.pin(process: getpid(), to: affinity.client)
        }
    }

    /// Runs all measurements of the options.
    public func run() throws(LoadError) -> DecisionReport {
        var report = DecisionReport(options: options)
        if let most = options.clients.max() {
            // Excludes one-time costs of the server.
            log("warming up")
            _ = try measure(batch("first", max(most, options.approvals / 10)), clients: most)
        }
        for round in 1...options.rounds {
            for clients in options.clients {
                log("round \(round) of \(options.rounds), \(clients) clients")
                let figures = try measure(batch("\(round)-\(clients)", options.approvals), clients: clients)
                report.figures[clients, default: []].append(figures)
            }
        }
        return report
    }

    private func batch(_ name: String, _ count: Int) -> ApprovalBatch {
        ApprovalBatch(tenant: "\(runName)-\(name)", count: count, hasGroup: options.hasGroup, secret: options.secret)
    }

    /// Requests a batch's approvals, decides them, and checks that each was decided once.
    private func measure(_ batch: ApprovalBatch, clients: Int) throws(LoadError) -> DecisionFigures {
        for approval in batch.approvals {
            try bus.publish(type: ApprovalBatch.eventType, tenant: batch.tenant, id: batch.eventID(approval)) { batch.payload(approval) }
        }
        try bus.settle()
        let loop = try ExchangeLoop(address: options.address, clients: clients)
        // Ensures that the server has read the requests, and uses every connection and token once.
        _ = try loop.run(batch.looks(clients: clients))
        MonotonicClock.sleep(until: MonotonicClock.now() + Self.pause)
        let before = try Usage.now(of: meter)
        let tally = try loop.run(batch.decisions)
        let deciding = try Usage.now(of: meter).since(before)
        try awaitEffects(of: batch)
        _ = try loop.run(batch.looks(clients: 1))
        let processor = try meter.processorTime() - before.server
        _ = try loop.run(batch.repetitions)
        guard try DecisionLedger.of(batch.tenant, on: bus).verdict(on: batch) == .exact else {
            throw LoadError("The log has lost a decision that it held; the figures would not be true.")
        }
        return DecisionFigures(tally: tally, deciding: deciding, processor: processor)
    }

    private func awaitEffects(of batch: ApprovalBatch) throws(LoadError) {
        var missing = 0
        let isComplete = try MonotonicClock.wait(Self.patience, every: Self.looks) { () throws(LoadError) -> Bool in
            switch try DecisionLedger.of(batch.tenant, on: bus).verdict(on: batch) {
            case .exact: return true
            case .incomplete(let count):
                missing = count
                return false
            }
        }
        guard isComplete else {
            throw LoadError(
                "All requests were answered, but \(missing) decisions, or what follows from them, are not in the log; figures would not be true."
            )
        }
    }
}
