public import NATSClient
import Synchronization

/// Metrics of a process's connection to the bus.
public final class BusMetrics: Sendable {
    private let connection: NATSConnection
    private let established = Atomic<Int>(0)

    private init(_ connection: NATSConnection) {
        self.connection = connection
    }

    /// Adds the metrics of a connection, for the rest of the process's lifetime.
    public static func observe(_ connection: NATSConnection, in metrics: PrometheusMetrics) {
        let figures = BusMetrics(connection)
        connection.onStateChange { state in
            if state == .connected { figures.established.add(1, ordering: .relaxed) }
        }
        metrics.addCollector(figures.collect)
    }

    private func collect(into exposition: inout MetricsExposition) {
        exposition.gauge("causeway_bus_connected", help: "Whether the bus is connected: 1 or 0.", connection.state == .connected ? 1 : 0)
        exposition.counter(
            "causeway_bus_reconnects_total",
            help: "Reconnects to the bus after a lost connection.",
            max(0, established.load(ordering: .relaxed) - 1)
        )
    }
}
