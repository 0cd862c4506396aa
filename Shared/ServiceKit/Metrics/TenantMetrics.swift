public import Basics

/// Usage metrics of the tenants with the highest usage, so that the number of series is bounded.
public enum TenantMetrics {
    /// Maximum number of tenants with a separate series.
    public static let shownTenants = 10

    /// Adds two gauges: `name`, with the label `tenant`, for the tenants with the highest usage in the last minute, and `name_others` for the sum of all
    /// others.
    ///
    /// - Parameters:
    ///   - usage: the counts; observed for the rest of the process's lifetime.
    ///   - name: the metric's name.
    ///   - help: the counted items, such as "Events admitted"; the help text adds the period.
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
