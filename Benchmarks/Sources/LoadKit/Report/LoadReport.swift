/// The same measurement of the edge and of the bare loop, by round.
struct Pair {
    var edge: [LoadFigures] = []
    var bare: [LoadFigures] = []
}

/// The results of a run.
public struct LoadReport {
    let options: LoadOptions
    var bareOpening: OpeningFigures?
    var edgeOpeningOneToken: OpeningFigures?
    var edgeOpeningOwnTokens: OpeningFigures?
    /// Paced measurements, by events per second.
    var paced: [Double: Pair] = [:]
    /// Unpaced; the bare loop writes all queued events at once.
    var burst = Pair()
    /// Unpaced; the bare loop writes every event separately.
    var singleBurst: [LoadFigures] = []

    init(options: LoadOptions) {
        self.options = options
    }

    /// All figures as a table.
    public var table: String {
        var table = Table(columns: ["edge", "bare loop", "ratio"])
        table.section("opening, \(options.connections) streams, handshakes one token a tenant")
        opening(edgeOpeningOneToken, bareOpening, in: &table)
        if let own = edgeOpeningOwnTokens {
            table.section("opening, a token for each stream")
            opening(own, nil, in: &table)
        }
        for (rate, pair) in paced.sorted(by: { $0.key < $1.key }) {
            table.section("\(Figure.text(rate, digits: rate < 10 ? 1 : 0)) events a second, one write an event")
            load(pair, in: &table)
        }
        table.section("burst of \(options.burst) events; the bare loop writes all that has gathered")
        load(burst, in: &table)
        table.section("burst of \(options.singleBurst) events; the bare loop writes each by itself")
        load(Pair(bare: singleBurst), in: &table)
        return heading + "\n\n" + table.text
    }

    private var heading: String {
        let pinned = options.affinity.map { "server on processor \($0.server), load on \($0.client)" } ?? "not pinned"
        return """
            surface \(type(of: options.surface).name), streams \(options.connections), tenants \(options.tenants), payload \(options.payload.size) bytes
            medians of \(options.rounds) rounds, paced ones of \(Figure.text(options.seconds, digits: 1)) s; \(pinned)
            """
    }

    private func opening(_ edge: OpeningFigures?, _ bare: OpeningFigures?, in table: inout Table) {
        func row(_ title: String, digits: Int, _ figure: (OpeningFigures) -> Double) {
            table.row(title, [edge.map(figure), bare.map(figure)].map { $0.map { Figure.text($0, digits: digits) } } + [nil])
        }
        row("handshakes a second", digits: 0, \.handshakesPerSecond)
        row("processor time a handshake, µs", digits: 1, \.processorPerHandshake)
        row("resident memory a stream, bytes", digits: 0, \.residentPerStream)
    }

    private func load(_ pair: Pair, in table: inout Table) {
        func row(_ title: String, digits: Int, ratio: Bool = false, _ figure: (LoadFigures) -> Double) {
            let columns = [pair.edge, pair.bare].map { Figure.median($0.map(figure)).map { Figure.text($0, digits: digits) } }
            let ratios = zip(pair.edge, pair.bare).map { figure($0) / figure($1) }
            table.row(title, columns + [ratio ? Figure.spread(ratios) : nil])
        }
        row("processor time a delivery, µs", digits: 3, ratio: true, \.processorPerDelivery)
        row("deliveries a second and core", digits: 0, \.deliveriesPerCore)
        row("deliveries a second", digits: 0, \.deliveriesPerSecond)
        row("deliveries a read", digits: 1, \.deliveriesPerRead)
        row("bytes a delivery", digits: 1, \.bytesPerDelivery)
        row("latency p50, ms", digits: 2) { $0.latency(0.5) }
        row("latency p99, ms", digits: 2) { $0.latency(0.99) }
        row("latency max, ms", digits: 2) { $0.latency(1) }
        row("server busy, % of a core", digits: 0, \.processorShare)
        row("load busy, % of a core", digits: 0, \.clientShare)
        row("waited for a processor, % of the time", digits: 0, \.waitedShare)
    }
}
