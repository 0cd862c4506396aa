import EdgeRuntime

/// An edge's figures as Prometheus has them.
enum EdgeMetrics {
    static func collect(_ statistics: EdgeStatistics, into exposition: inout MetricsExposition) {
        exposition.gauge("causeway_edge_connections", help: "Open streams.", statistics.connections)
        exposition.counter("causeway_edge_deliveries_total", help: "Events written to streams.", statistics.deliveries)
        exposition.counter("causeway_edge_sent_bytes_total", help: "Bytes written to streams.", statistics.bytes)
        exposition.counter("causeway_edge_heartbeats_total", help: "Heartbeats written to streams.", statistics.heartbeats)
        exposition.counter("causeway_edge_blocked_writes_total", help: "Writes that a full socket cut short.", statistics.blockedWrites)
        exposition.counter("causeway_edge_tail_reads_total", help: "Chunks served from the tail in memory.", statistics.tailReads)
        exposition.counter("causeway_edge_log_reads_total", help: "Chunks read from the log for one stream.", statistics.logReads)
        exposition.counter("causeway_edge_gaps_total", help: "Gaps told to clients.", statistics.gaps)
        for (cause, count) in statistics.closes.sorted(by: { $0.key < $1.key }) {
            exposition.counter("causeway_edge_closes_total", help: "Streams ended, by cause.", count, labels: [("cause", cause)])
        }
    }
}
