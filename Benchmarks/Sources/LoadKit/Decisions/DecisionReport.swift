/// The results of a run of decisions.
public struct DecisionReport {
    let options: DecisionOptions
    /// Figures by number of concurrent clients; one per round.
    var figures: [Int: [DecisionFigures]] = [:]

    init(options: DecisionOptions) {
        self.options = options
    }

    /// All figures as a table.
    public var table: String {
        var table = Table(columns: options.clients.map { $0 == 1 ? "1 client" : "\($0) clients" })
        table.section("\(Figure.text(Double(options.approvals), digits: 0)) approvals, each decided once")
        func row(_ title: String, digits: Int, _ figure: (DecisionFigures) -> Double) {
            let columns = options.clients.map { clients in
                Figure.median(figures[clients, default: []].map(figure)).map { Figure.text($0, digits: digits) }
            }
            table.row(title, columns)
        }
        row("decisions a second", digits: 0, \.decisionsPerSecond)
        row("latency p50, ms", digits: 2) { $0.latency(0.5) }
        row("latency p99, ms", digits: 2) { $0.latency(0.99) }
        row("latency max, ms", digits: 2) { $0.latency(1) }
        row("processor time a decision, µs", digits: 0, \.processorPerDecision)
        row("server busy, % of a core", digits: 0, \.processorShare)
        row("load busy, % of a core", digits: 0, \.clientShare)
        row("waited for a processor, % of the time", digits: 0, \.waitedShare)
        return heading + "\n\n" + table.text
    }

    private var heading: String {
        let pinned = options.affinity.map { "server on processor \($0.server), load on \($0.client)" } ?? "not pinned"
        return "decisions, approval API; medians of \(options.rounds) rounds; \(pinned)"
    }
}
