import Metrics
import Synchronization

/// Keeps values between scrapes. Recording is lock-free, from any thread.
protocol MetricInstrument: AnyObject, Sendable {
    func collect(as series: MetricSeries, into exposition: inout MetricsExposition)
}

/// The name, help text and labels of a series.
struct MetricSeries: Sendable {
    let label: String
    let help: String
    let dimensions: [(String, String)]
}

/// A floating-point number that threads add to and replace without a lock.
struct AtomicDouble: ~Copyable {
    private let bits: Atomic<UInt64>

    init(_ value: Double = 0) {
        bits = Atomic(value.bitPattern)
    }

    var value: Double {
        Double(bitPattern: bits.load(ordering: .relaxed))
    }

    func store(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let desired = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: current, desired: desired, ordering: .relaxed)
            guard !exchanged else { return }
            current = original
        }
    }
}

/// A counter. Keeps integer and fractional amounts apart, so that integers stay exact. Ignores negative amounts: a counter never decreases.
final class CounterInstrument: MetricInstrument, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    private let fraction = AtomicDouble()

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        whole.wrappingAdd(amount, ordering: .relaxed)
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        fraction.add(amount)
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        fraction.store(0)
    }

    func collect(as series: MetricSeries, into exposition: inout MetricsExposition) {
        let count = whole.load(ordering: .relaxed)
        let rest = fraction.value
        if rest == 0 {
            exposition.counter(series.label, help: series.help, count, labels: series.dimensions)
        } else {
            exposition.counter(series.label, help: series.help, Double(count) + rest, labels: series.dimensions)
        }
    }
}

/// A gauge: the latest value.
final class GaugeInstrument: MetricInstrument, MeterHandler, RecorderHandler {
    private let current = AtomicDouble()

    func set(_ value: Int64) { current.store(Double(value)) }
    func set(_ value: Double) { current.store(value) }
    func increment(by amount: Double) { current.add(amount) }
    func decrement(by amount: Double) { current.add(-amount) }
    func record(_ value: Int64) { current.store(Double(value)) }
    func record(_ value: Double) { current.store(value) }

    func collect(as series: MetricSeries, into exposition: inout MetricsExposition) {
        exposition.gauge(series.label, help: series.help, current.value, labels: series.dimensions)
    }
}

/// A histogram of fourteen buckets and an overflow.
final class HistogramInstrument: MetricInstrument, TimerHandler, RecorderHandler {
    /// Upper bounds.
    typealias Bounds = InlineArray<14, Double>

    /// Seconds, from half a millisecond to ten seconds.
    static let seconds: Bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Counts or bytes, from one to 64 Mi, by powers of four.
    static let magnitudes: Bounds = [
        1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
    ]

    private let bounds: Bounds
    private let suffix: String?
    private let counts = InlineArray<15, Atomic<Int>> { _ in Atomic(0) }
    private let sum = AtomicDouble()

    /// - Parameter suffix: The unit at the end of the name.
    init(bounds: Bounds, suffix: String? = nil) {
        self.bounds = bounds
        self.suffix = suffix
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        counts[bounds.indices.first { value <= bounds[$0] } ?? bounds.count].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1_000_000_000)
    }

    func collect(as series: MetricSeries, into exposition: inout MetricsExposition) {
        let name = suffix.map { MetricName.sanitized(series.label, suffix: $0) } ?? series.label
        exposition.histogram(
            name,
            help: series.help,
            buckets: bounds.indices.map { (bounds[$0], counts[$0].load(ordering: .relaxed)) },
            overflow: counts[bounds.count].load(ordering: .relaxed),
            sum: sum.value,
            labels: series.dimensions
        )
    }
}
