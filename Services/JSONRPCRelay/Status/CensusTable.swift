/// Who is there and with how many connections: the latest report of each relay process. A pure value; the times are the caller's.
struct CensusTable: Sendable {
    /// How long a process may be silent before it is taken for dead: three reports and less than the 15 s that are promised.
    static let silence = Duration.seconds(12)
    /// The most processes that are kept apart. Real deployments have a handful; the bound is against a bus gone wild.
    static let maximumRelays = 4096

    private struct Relay: Sendable {
        var connections: Int
        var heard: ContinuousClock.Instant
    }

    /// This process.
    let own: String
    private var others: [String: Relay] = [:]
    private var ownHeard: ContinuousClock.Instant?

    /// Creates the table of a process that has heard nobody yet.
    init(own: String) {
        self.own = own
    }

    /// Takes in a report; true if it is from a process that was not known.
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

    /// The connections of all processes, those of this one given as they are now.
    mutating func connections(own: Int, at now: ContinuousClock.Instant) -> Int {
        forget(at: now)
        return others.values.reduce(own) { $0 + $1.connections }
    }

    /// The number of processes, this one included.
    mutating func relays(at now: ContinuousClock.Instant) -> Int {
        forget(at: now)
        return others.count + 1
    }

    /// Whether this process has heard its own reports lately, so that it would have heard those of others too.
    func hears(at now: ContinuousClock.Instant) -> Bool {
        ownHeard.map { $0.duration(to: now) < Self.silence } ?? false
    }

    private mutating func forget(at now: ContinuousClock.Instant) {
        others = others.filter { $0.value.heard.duration(to: now) < Self.silence }
    }
}
