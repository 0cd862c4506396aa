/// The latest report of each relay process, with its number of connections. A pure value; the caller supplies the times.
struct CensusTable: Sendable {
    /// The time without a report after which a process counts as dead: three reports, and less than the promised 15 s.
    static let silence = Duration.seconds(12)
    /// The most processes in the table. Real deployments have a handful; the bound protects against a flood of reports.
    static let maximumRelays = 4096

    private struct Relay: Sendable {
        var connections: Int
        var heard: ContinuousClock.Instant
    }

    /// This process.
    let own: String
    private var others: [String: Relay] = [:]
    private var ownHeard: ContinuousClock.Instant?

    /// Creates an empty table.
    init(own: String) {
        self.own = own
    }

    /// Records a report; true if its process is new.
    mutating func received(_ report: RelayReport, at now: ContinuousClock.Instant) -> Bool {
        forget(at: now)
        guard report.id != own else {
            ownHeard = now
            return false
        }
        guard !report.isLeaving else {
            others[report.id] = nil
            return false
        }
        let isNew = others[report.id] == nil
        guard !isNew || others.count < Self.maximumRelays else { return false }
        others[report.id] = Relay(connections: report.connections, heard: now)
        return isNew
    }

    /// Returns the connections of all processes; `own` is this process's current number.
    mutating func connections(own: Int, at now: ContinuousClock.Instant) -> Int {
        forget(at: now)
        return others.values.reduce(own) { $0 + $1.connections }
    }

    /// Returns the number of processes, including this one.
    mutating func relays(at now: ContinuousClock.Instant) -> Int {
        forget(at: now)
        return others.count + 1
    }

    /// Whether this process received its own reports recently, so that it would receive those of others too.
    func hears(at now: ContinuousClock.Instant) -> Bool {
        ownHeard.map { $0.duration(to: now) < Self.silence } ?? false
    }

    private mutating func forget(at now: ContinuousClock.Instant) {
        others = others.filter { $0.value.heard.duration(to: now) < Self.silence }
    }
}
