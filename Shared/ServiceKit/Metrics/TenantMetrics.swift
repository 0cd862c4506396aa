public import Basics

/// What the largest tenants used of a process, as Prometheus has it: a bounded number of series, however many tenants there are.
public enum TenantMetrics {
    /// How many tenants have a series of their own.
    public static let shownTenants = 10

    /// Adds two gauges: `name`, with the label `tenant`, of the tenants that used most in the last minute, and `name_others` of all others together.
    ///
    /// - Parameters:
    ///   - usage: what is counted, as long as the process lives.
    ///   - name: what the metric is called.
    ///   - help: what was used, as the object of a sentence: "Events admitted".
    public static func observe(_ usage: TenantUsage, as name: String, help: String, in metrics: PrometheusMetrics) {
        metrics.addCollector { exposition in
            let largest = usage.largest(shownTenants)
            for (tenant, amount) in largest.tenants {
                exposition.gauge(
                    name,
                    help: "\(help) in the last minute, of the \(shownTenants) tenants with the most.",
                    amount,
                    labels: [("tenant", tenant.text)]
                )
            }
            exposition.gauge("\(name)_others", help: "\(help) in the last minute, of all other tenants together.", largest.others)
        }
    }
}
