import Foundation
import Metrics
import TestKit
import Testing

@testable import ServiceKit

@Suite struct PrometheusMetricsTests {
    private let metrics = PrometheusMetrics()

    private func lines(_ prefix: String) -> [Substring] {
        metrics.render().split(separator: "\n").filter { $0.hasPrefix(prefix) }
    }

    @Test func countersCount() {
        let counter = Counter(label: "http.requests", dimensions: [("code", "200")], factory: metrics)
        counter.increment()
        counter.increment(by: 41)
        counter.increment(by: -5)
        Counter(label: "http.requests", dimensions: [("code", "200")], factory: metrics).increment()
        FloatingPointCounter(label: "cpu", factory: metrics).increment(by: 0.25)
        #expect(lines("http_requests_total") == ["http_requests_total{code=\"200\"} 43"])
        #expect(lines("cpu_total") == ["cpu_total 0.25"])
        counter.reset()
        #expect(lines("http_requests_total") == ["http_requests_total{code=\"200\"} 0"])
    }

    @Test func gaugesAndMetersShowTheLatest() {
        Gauge(label: "g", factory: metrics).record(2.5)
        let meter = Meter(label: "m", factory: metrics)
        meter.set(10)
        meter.increment(by: 2.5)
        meter.decrement()
        #expect(lines("g ") == ["g 2.5"])
        #expect(lines("m ") == ["m 11.5"])
    }

    @Test func timersAreHistogramsOfSeconds() {
        let timer = Timer(label: "request.duration", factory: metrics)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(2)
        timer.recordSeconds(60)
        let lines = lines("request_duration_seconds")
        #expect(lines.contains("request_duration_seconds_bucket{le=\"0.0005\"} 0"))
        #expect(lines.contains("request_duration_seconds_bucket{le=\"0.001\"} 1"))
        #expect(lines.contains("request_duration_seconds_bucket{le=\"0.0025\"} 2"))
        #expect(lines.contains("request_duration_seconds_bucket{le=\"10\"} 2"))
        #expect(lines.contains("request_duration_seconds_bucket{le=\"+Inf\"} 3"))
        #expect(lines.contains("request_duration_seconds_sum 60.003"))
        #expect(lines.contains("request_duration_seconds_count 3"))
    }

    @Test func recordersAreHistogramsOfMagnitudes() {
        let recorder = Recorder(label: "batch.size", factory: metrics)
        for size in [0, 1, 5, 100_000_000] { recorder.record(size) }
        #expect(lines("batch_size_bucket{le=\"1\"}") == ["batch_size_bucket{le=\"1\"} 2"])
        #expect(lines("batch_size_bucket{le=\"16\"}") == ["batch_size_bucket{le=\"16\"} 3"])
        #expect(lines("batch_size_count") == ["batch_size_count 4"])
    }

    @Test func anInstrumentOfAnotherTypeIsRefusedAndHarmless() {
        Counter(label: "x", factory: metrics).increment()
        let other = Gauge(label: "x", factory: metrics)
        other.record(9)
        #expect(lines("x") == ["x_total 1"])
        #expect(lines("metrics_series_refused_total") == ["metrics_series_refused_total 1"])
    }

    @Test func theNumberOfSeriesIsBounded() {
        for index in 0..<(PrometheusMetrics.maximumSeries + 3) {
            Counter(label: "many", dimensions: [("i", "\(index)")], factory: metrics).increment()
        }
        #expect(lines("many_total").count == PrometheusMetrics.maximumSeries)
        #expect(lines("metrics_series_refused_total") == ["metrics_series_refused_total 3"])
    }

    @Test func whatIsDestroyedIsNoLongerShown() {
        let counter = Counter(label: "gone", factory: metrics)
        counter.increment()
        #expect(lines("gone_total").count == 1)
        counter.destroy()
        #expect(lines("gone_total").isEmpty)
        Counter(label: "gone", factory: metrics).increment()
        #expect(lines("gone_total") == ["gone_total 1"])
    }

    @Test func collectorsAreAskedAtEveryScrape() {
        metrics.addCollector { $0.gauge("loop.connections", help: "Open streams.", 5, labels: [("loop", "0")]) }
        metrics.addCollector { $0.gauge("loop.connections", help: "Open streams.", 7, labels: [("loop", "1")]) }
        #expect(lines("loop_connections") == ["loop_connections{loop=\"0\"} 5", "loop_connections{loop=\"1\"} 7"])
        #expect(lines("# HELP loop_connections") == ["# HELP loop_connections Open streams."])
    }

    @Test func helpIsTheDescriptionOrTheLabel() {
        Counter(label: "a.b", factory: metrics).increment()
        #expect(lines("# HELP a_b_total") == ["# HELP a_b_total a.b"])
        metrics.describe("a.b", "How many.")
        #expect(lines("# HELP a_b_total") == ["# HELP a_b_total How many."])
    }

    @Test func nothingIsLostUnderConcurrency() async {
        let metrics = metrics
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "c", factory: metrics)
                    let fraction = FloatingPointCounter(label: "f", factory: metrics)
                    let timer = Timer(label: "t", factory: metrics)
                    for _ in 0..<10_000 {
                        counter.increment()
                        fraction.increment(by: 0.5)
                        timer.recordNanoseconds(500_000_000)
                    }
                }
            }
        }
        #expect(lines("c_total") == ["c_total 80000"])
        #expect(lines("f_total") == ["f_total 40000"])
        #expect(lines("t_seconds_bucket{le=\"0.5\"}") == ["t_seconds_bucket{le=\"0.5\"} 80000"])
        #expect(lines("t_seconds_sum") == ["t_seconds_sum 40000"])
    }

    /// Debian's package `prometheus` has the program; `PROMTOOL` may name it.
    private static let promtool =
        ProcessInfo.processInfo.environment["PROMTOOL"].flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil }
        ?? ["/usr/bin/promtool", "/usr/local/bin/promtool"].first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: promtool != nil, "there is no promtool here")) func promtoolHasNothingToSay() async throws {
        metrics.addCollector(ProcessMetrics.collect)
        Counter(label: "http.requests", dimensions: [("path", "/a\"\\b\n")], factory: metrics).increment()
        Timer(label: "http.request.duration", factory: metrics).recordSeconds(1)
        Recorder(label: "batch.size", factory: metrics).record(3)
        Gauge(label: "queue.length", factory: metrics).record(3)
        let directory = try TemporaryDirectory()
        let path = try directory.write(metrics.render(), to: "metrics")
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.promtool))
        process.arguments = ["check", "metrics"]
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: path))
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd().map { String(decoding: $0, as: UTF8.self) }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(said == nil)
    }
}
