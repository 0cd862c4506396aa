/// Collects the samples of one scrape and renders them. Converts names to Prometheus's form; a sample replaces an earlier one with the same name and
/// labels.
///
/// Not thread-safe: used by one scrape; a collector must not keep it.
public struct MetricsExposition {
    /// The `Content-Type` of ``text``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Family {
        let type: String
        let help: String
        /// The lines of each set of labels.
        var samples: [String: String] = [:]
    }

    private var families: [String: Family] = [:]

    init() {}

    /// Adds a counter. The name gets the suffix `_total`.
    public mutating func counter(_ name: String, help: String, _ value: some BinaryInteger, labels: [(String, String)] = []) {
        add(MetricName.sanitized(name, suffix: "total"), type: "counter", help: help, labels: labels) { name, labels in
            "\(name)\(Self.braced(labels)) \(value)\n"
        }
    }

    /// Adds a counter with a fractional value. The name gets the suffix `_total`.
    public mutating func counter(_ name: String, help: String, _ value: Double, labels: [(String, String)] = []) {
        add(MetricName.sanitized(name, suffix: "total"), type: "counter", help: help, labels: labels) { name, labels in
            "\(name)\(Self.braced(labels)) \(Self.number(value))\n"
        }
    }

    /// Adds a gauge.
    public mutating func gauge(_ name: String, help: String, _ value: some BinaryInteger, labels: [(String, String)] = []) {
        gauge(name, help: help, Double(value), labels: labels)
    }

    /// Adds a gauge with a fractional value.
    public mutating func gauge(_ name: String, help: String, _ value: Double, labels: [(String, String)] = []) {
        add(MetricName.sanitized(name), type: "gauge", help: help, labels: labels) { name, labels in
            "\(name)\(Self.braced(labels)) \(Self.number(value))\n"
        }
    }

    /// Adds a histogram.
    ///
    /// - Parameters:
    ///   - buckets: Upper bounds, ascending, each with the number of values up to it and above the bound before it.
    ///   - overflow: The number of values above the last bound.
    ///   - sum: The sum of all values.
    public mutating func histogram(
        _ name: String,
        help: String,
        buckets: [(upperBound: Double, count: Int)],
        overflow: Int,
        sum: Double,
        labels: [(String, String)] = []
    ) {
        add(MetricName.sanitized(name), type: "histogram", help: help, labels: labels) { name, labels in
            var lines = ""
            var cumulative = 0
            let others = labels.isEmpty ? "" : labels + ","
            for bucket in buckets {
                cumulative += bucket.count
                lines += "\(name)_bucket{\(others)le=\"\(Self.number(bucket.upperBound))\"} \(cumulative)\n"
            }
            cumulative += overflow
            lines += "\(name)_bucket{\(others)le=\"+Inf\"} \(cumulative)\n"
            lines += "\(name)_sum\(Self.braced(labels)) \(Self.number(sum))\n"
            lines += "\(name)_count\(Self.braced(labels)) \(cumulative)\n"
            return lines
        }
    }

    /// The samples in the text exposition format 0.0.4, sorted by name and labels.
    var text: String {
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(MetricName.escapedHelp(family.help))\n# TYPE \(name) \(family.type)\n"
            for (_, lines) in family.samples.sorted(by: { $0.key < $1.key }) { text += lines }
        }
        return text
    }

    /// Adds a sample. A name has one type; a sample of another type is dropped.
    private mutating func add(
        _ name: String,
        type: String,
        help: String,
        labels: [(String, String)],
        render: (_ name: String, _ labels: String) -> String
    ) {
        var family = families.removeValue(forKey: name) ?? Family(type: type, help: help)
        let labels = MetricName.rendered(labels)
        if family.type == type { family.samples[labels] = render(name, labels) }
        families[name] = family
    }

    private static func braced(_ labels: String) -> String {
        labels.isEmpty ? "" : "{\(labels)}"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value) { return String(whole) }
        return String(value)
    }
}
