import Metrics
import Testing

@testable import ServiceKit

@Suite struct MetricsExpositionTests {
    @Test(arguments: [
        ("http.server.requests", "http_server_requests"), ("a--b..c", "a_b_c"), ("9lives", "_9lives"), ("", "_"), ("größe", "gr_e"),
        ("rule:name", "rule_name"), ("_x_", "_x_"),
    ])
    func namesAreMadeFit(_ label: String, _ name: String) {
        #expect(MetricName.sanitized(label) == name)
    }

    @Test func suffixesStandOnce() {
        #expect(MetricName.sanitized("events", suffix: "total") == "events_total")
        #expect(MetricName.sanitized("events.total", suffix: "total") == "events_total")
    }

    @Test(arguments: [
        ([("b", "2"), ("a", "1")], #"a="1",b="2""#), ([("a", "1"), ("a", "2")], #"a="2""#),
        ([("path", #"c:\x "y""# + "\n")], #"path="c:\\x \"y\"\n""#), ([("le", "1"), ("__name__", "x")], #"_name_="x",exported_le="1""#),
        ([], ""),
    ])
    func labelsAreSortedAndEscaped(_ labels: [(String, String)], _ text: String) {
        #expect(MetricName.rendered(labels) == text)
    }

    @Test func rendersTheTextFormat() {
        var exposition = MetricsExposition()
        exposition.gauge("temperature", help: "How warm.\nReally \\ so.", -1.5)
        exposition.counter("events", help: "Events.", 3, labels: [("kind", "b")])
        exposition.counter("events", help: "Events.", 2, labels: [("kind", "a")])
        exposition.counter("events", help: "Events.", 4, labels: [("kind", "a")])
        exposition.histogram("wait.seconds", help: "Waits.", buckets: [(0.5, 1), (1, 2)], overflow: 3, sum: 9.25, labels: [("loop", "0")])
        exposition.gauge("events.total", help: "Of another type, so left out.", 1)
        exposition.gauge("odd", help: "Odd.", .nan, labels: [("x", "nan")])
        exposition.gauge("odd", help: "Odd.", .infinity, labels: [("x", "inf")])
        exposition.gauge("odd", help: "Odd.", UInt64.max, labels: [("x", "max")])
        #expect(
            exposition.text == #"""
                # HELP events_total Events.
                # TYPE events_total counter
                events_total{kind="a"} 4
                events_total{kind="b"} 3
                # HELP odd Odd.
                # TYPE odd gauge
                odd{x="inf"} +Inf
                odd{x="max"} 1.8446744073709552e+19
                odd{x="nan"} NaN
                # HELP temperature How warm.\nReally \\ so.
                # TYPE temperature gauge
                temperature -1.5
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{loop="0",le="0.5"} 1
                wait_seconds_bucket{loop="0",le="1"} 3
                wait_seconds_bucket{loop="0",le="+Inf"} 6
                wait_seconds_sum{loop="0"} 9.25
                wait_seconds_count{loop="0"} 6

                """#
        )
    }
}
