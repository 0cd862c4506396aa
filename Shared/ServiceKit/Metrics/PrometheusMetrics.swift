public import Metrics
import Synchronization

/// The metrics of a process, as Prometheus reads them: a swift-metrics backend that renders the text exposition format 0.0.4.
///
/// | swift-metrics | Prometheus |
/// |---|---|
/// | `Counter`, `FloatingPointCounter` | counter, `_total` |
/// | `Gauge`, `Meter` | gauge |
/// | `Timer` | histogram, `_seconds` |
/// | `Recorder` | histogram over powers of four |
///
/// Two instruments with the same label and dimensions are one series. Recording takes no lock; making an instrument does, so keep it.
public final class PrometheusMetrics: Sendable {
    /// How many series one process may have; instruments made beyond it count for nobody.
    public static let maximumSeries = 10_000

    private enum Kind: Hashable {
        case counter, gauge, timer, recorder
    }

    private struct Identity: Hashable {
        let kind: Kind
        let name: String
        let labels: String
    }

    private struct State {
        var instruments: [Identity: (instrument: any MetricInstrument, label: String, dimensions: [(String, String)])] = [:]
        var kinds: [String: Kind] = [:]
        var help: [String: String] = [:]
        var refused = 0
        var collectors: [@Sendable (inout MetricsExposition) -> Void] = []
    }

    private let state = Mutex(State())

    /// Creates a backend without series. Give it to `MetricsSystem.bootstrap`, once in a process.
    public init() {}

    /// Says what a metric means, in its HELP line. Without it, the line repeats the label.
    public func describe(_ label: String, _ help: String) {
        state.withLock { $0.help[label] = help }
    }

    /// Adds values that are gathered whenever somebody reads the metrics. `collect` runs on the reader's thread, and must not block for long.
    public func addCollector(_ collect: @escaping @Sendable (inout MetricsExposition) -> Void) {
        state.withLock { $0.collectors.append(collect) }
    }

    /// Everything there is, in the text exposition format 0.0.4.
    public func render() -> String {
        let state = state.withLock(\.self)
        var exposition = MetricsExposition()
        for (_, entry) in state.instruments {
            let help = state.help[entry.label] ?? entry.label
            entry.instrument.collect(as: MetricSeries(label: entry.label, help: help, dimensions: entry.dimensions), into: &exposition)
        }
        exposition.counter("metrics.series.refused", help: "Instruments not kept: too many, or a name of another type.", state.refused)
        // Outside the lock: a collector may itself make instruments.
        for collect in state.collectors { collect(&exposition) }
        return exposition.text
    }

    /// The instrument of that name, or a new one. One that is refused works like any other and is never shown.
    private func instrument<Instrument: MetricInstrument>(
        _ kind: Kind,
        _ label: String,
        _ dimensions: [(String, String)],
        make: () -> Instrument
    ) -> Instrument {
        let name = MetricName.sanitized(label)
        let identity = Identity(kind: kind, name: name, labels: MetricName.rendered(dimensions))
        return state.withLock { state in
            if let known = state.instruments[identity]?.instrument as? Instrument { return known }
            let instrument = make()
            guard state.instruments.count < Self.maximumSeries, state.kinds[name, default: kind] == kind else {
                state.refused += 1
                return instrument
            }
            state.kinds[name] = kind
            state.instruments[identity] = (instrument, label, dimensions)
            return instrument
        }
    }

    private func forget(_ handler: AnyObject) {
        state.withLock { state in
            state.instruments = state.instruments.filter { $0.value.instrument !== handler }
        }
    }
}

extension PrometheusMetrics: MetricsFactory {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(.counter, label, dimensions) { CounterInstrument() }
    }

    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        instrument(.counter, label, dimensions) { CounterInstrument() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(.gauge, label, dimensions) { GaugeInstrument() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return instrument(.gauge, label, dimensions) { GaugeInstrument() } }
        return instrument(.recorder, label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.magnitudes) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(.timer, label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.seconds, suffix: "seconds") }
    }

    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}
