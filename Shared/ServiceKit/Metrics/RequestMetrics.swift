import HTTPAPI

/// Metrics of the requests to the public listener.
enum RequestMetrics {
    static func collect(_ counts: RequestCounts, into exposition: inout MetricsExposition) {
        for (key, count) in counts.all {
            exposition.counter(
                "causeway_http_requests_total",
                help: "Requests to the public listener, by route, method and status of the answer.",
                count,
                labels: [("route", key.route), ("method", key.method), ("status", "\(key.status)")]
            )
        }
    }
}
