public import Metrics
import Synchronization

/// Metrics backend of a process: implements swift-metrics and renders the Prometheus text format 0.0.4.
///
/// | swift-metrics | Prometheus |
/// |---|---|
/// | `Counter`, `FloatingPointCounter` | counter, `_total` |
/// | `Gauge`, `Meter` | gauge |
/// | `Timer` | histogram, `_seconds` |
/// | `Recorder` | histogram over powers of four |
///
/// Instruments with the same label and dimensions share a series. Recording takes no lock; creating an instrument does, so keep it.
public final class PrometheusMetrics: Sendable {
    /// Maximum number of series; further instruments record nothing.
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

    /// Creates an empty backend. Pass it to `MetricsSystem.bootstrap`, once per process.
    public init() {}

    /// Sets a metric's HELP text; the default is the label.
    public func describe(_ label: String, _ help: String) {
        state.withLock { $0.help[label] = help }
    }

    /// Adds values collected per scrape. `collect` runs on the scraping thread and must not block for long.
    public func addCollector(_ collect: @escaping @Sendable (inout MetricsExposition) -> Void) {
        state.withLock { $0.collectors.append(collect) }
    }

    /// Renders everything in the text format 0.0.4.
    public func render() -> String {
        let state = state.withLock(\.self)
        var exposition = MetricsExposition()
        for (_, entry) in state.instruments {
            let help = state.help[entry.label] ?? entry.label
            entry.instrument.collect(as: MetricSeries(label: entry.label, help: help, dimensions: entry.dimensions), into: &exposition)
        }
        exposition.counter("metrics.series.refused", help: "Instruments not kept: too many, or a name of another type.", state.refused)
        // Outside the lock: a collector may create instruments.
        for collect in state.collectors { collect(&exposition) }
        return exposition.text
    }

    /// Returns or creates an instrument. One beyond the limit works and is never shown.
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
    /// Creates or returns a counter. Any thread.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(.counter, label, dimensions) { CounterInstrument() }
    }

    /// Creates or returns a floating-point counter. Any thread.
    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        instrument(.counter, label, dimensions) { CounterInstrument() }
    }

    /// Creates or returns a meter. Any thread.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(.gauge, label, dimensions) { GaugeInstrument() }
    }

    /// Creates or returns a recorder: a histogram if it aggregates, else a gauge. Any thread.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return instrument(.gauge, label, dimensions) { GaugeInstrument() } }
        return instrument(.recorder, label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.magnitudes) }
    }

    /// Creates or returns a timer, a histogram in seconds. Any thread.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(.timer, label, dimensions) { HistogramInstrument(bounds: HistogramInstrument.seconds, suffix: "seconds") }
    }

    /// Removes a counter's series.
    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
    /// Removes a floating-point counter's series.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
    /// Removes a meter's series.
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
    /// Removes a recorder's series.
    public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
    /// Removes a timer's series.
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}
