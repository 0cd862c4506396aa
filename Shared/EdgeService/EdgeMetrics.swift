import Basics
import EdgeRuntime
import ServiceKit

/// Exports an edge's statistics as Prometheus metrics.
enum EdgeMetrics {
    static func collect(_ statistics: EdgeStatistics, into exposition: inout MetricsExposition) {
        exposition.gauge("causeway_edge_connections", help: "Open streams.", statistics.connections)
        for (tenant, connections) in statistics.largestTenants {
            let help = "Open streams of the ten tenants that have the most."
            exposition.gauge("causeway_edge_tenant_connections", help: help, connections, labels: [("tenant", tenant.text)])
        }
        let shown = statistics.largestTenants.reduce(0) { $0 + $1.1 }
        exposition.gauge(
            "causeway_edge_tenant_connections_others",
            help: "Open streams of all other tenants together.",
            max(0, statistics.connections - shown)
        )
        exposition.counter(
            "causeway_edge_quick_openings_total",
            help: "Streams opened by the delivery thread that accepted the connection (quick.door).",
            statistics.quickOpenings
        )
        exposition.counter("causeway_edge_deliveries_total", help: "Events written to streams.", statistics.deliveries)
        exposition.counter("causeway_edge_sent_bytes_total", help: "Bytes written to streams.", statistics.bytes)
        exposition.counter("causeway_edge_heartbeats_total", help: "Heartbeats written to streams.", statistics.heartbeats)
        exposition.counter("causeway_edge_blocked_writes_total", help: "Writes that a full socket cut short.", statistics.blockedWrites)
        exposition.counter("causeway_edge_tail_reads_total", help: "Chunks served from the tail in memory.", statistics.tailReads)
        exposition.counter("causeway_edge_log_reads_total", help: "Chunks read from the log for one stream.", statistics.logReads)
        exposition.counter("causeway_edge_gaps_total", help: "Gaps told to clients.", statistics.gaps)
        exposition.gauge("causeway_edge_laggards", help: "Streams whose client does not take what is there for it.", statistics.laggards)
        for (outcome, count) in statistics.resumes.sorted(by: { $0.key < $1.key }) {
            let help = "Clients that came back with a cursor, by how it was answered."
            exposition.counter("causeway_edge_resumes_total", help: help, count, labels: [("outcome", outcome)])
        }
        for (outcome, count) in statistics.renewals.sorted(by: { $0.key < $1.key }) {
            let help = "Attempts of clients to renew the token of their connection, by outcome."
            exposition.counter("causeway_edge_renewals_total", help: help, count, labels: [("outcome", outcome)])
        }
        let bounds = LatencyDistribution.bounds
        exposition.histogram(
            "causeway_edge_publish_to_write_seconds",
            help: "From an event's intake until a loop had written it to all its readers; of each batch the event that waited longest.",
            buckets: bounds.indices.map { (bounds[$0], statistics.latency.counts[$0]) },
            overflow: statistics.latency.overflow,
            sum: statistics.latency.sum
        )
        for (cause, count) in statistics.closes.sorted(by: { $0.key < $1.key }) {
            exposition.counter("causeway_edge_closes_total", help: "Streams ended, by cause.", count, labels: [("cause", cause)])
        }
    }
}
