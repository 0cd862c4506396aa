import CausewayProducer
import HTTPAPI
import Metrics
import ServiceKit

/// Metrics of the intake: swift-metrics instruments, created once.
struct IntakeMetrics: Sendable {
    private let stored = Counter(label: "causeway_intake_events", dimensions: [("outcome", "stored")])
    private let duplicate = Counter(label: "causeway_intake_events", dimensions: [("outcome", "duplicate")])
    private let quick = Counter(label: "causeway_intake_quick_requests")
    private let failures = Counter(label: "causeway_intake_log_failures")
    private let refusals = Dictionary(
        uniqueKeysWithValues: APIError.Code.allCases.map {
            ($0, Counter(label: "causeway_intake_refused", dimensions: [("reason", $0.rawValue)]))
        }
    )
    private let duration = Timer(label: "causeway_intake_store")

    /// Describes the metrics, and adds the current intake and the tenants' use.
    static func describe(in metrics: PrometheusMetrics, _ gate: IntakeGate) {
        metrics.describe("causeway_intake_refused", "Requests that were not taken in, by code of the error.")
        metrics.describe("causeway_intake_events", "Events accepted, by whether the log had them already.")
        metrics.describe("causeway_intake_quick_requests", "Requests answered by the event loop that read them (quick.door).")
        metrics.describe("causeway_intake_log_failures", "Requests whose events the log did not acknowledge in time.")
        metrics.describe("causeway_intake_store", "How long the log took to acknowledge the events of a request.")
        let admitted = "admitted to the log"
        TenantMetrics.observe(gate.shares.admittedEvents, as: "causeway_intake_tenant_events", help: "Events \(admitted)", in: metrics)
        TenantMetrics.observe(
            gate.shares.admittedBytes,
            as: "causeway_intake_tenant_bytes",
            help: "Bytes of payloads \(admitted)",
            in: metrics
        )
        metrics.addCollector { [budget = gate.budget] exposition in
            let use = budget.use
            exposition.gauge(
                "causeway_intake_requests",
                help: "Requests whose bodies arrive or whose events are being stored.",
                use.requests
            )
            exposition.gauge("causeway_intake_reserved_bytes", help: "Memory that is kept for their bodies.", use.bytes)
        }
    }

    /// Counts the acknowledged events of a request.
    func acknowledged(_ events: [PublishedEvent], after time: Duration) {
        let known = events.count { $0.isDuplicate }
        stored.increment(by: events.count - known)
        duplicate.increment(by: known)
        duration.record(duration: time)
    }

    /// Counts the acknowledged events of a request about an execution.
    func acknowledged(executionEvents events: [PublishedExecutionEvent], after time: Duration) {
        let known = events.count { $0.isDuplicate }
        stored.increment(by: events.count - known)
        duplicate.increment(by: known)
        duration.record(duration: time)
    }

    /// Counts a request that needs no task.
    func answeredAtOnce() {
        quick.increment()
    }

    /// Counts a refused request.
    func refused(_ error: any Error) {
        refusals[(error as? APIError)?.code ?? .internal]?.increment()
    }

    /// Counts a request whose events the log did not acknowledge in time.
    func failed() {
        failures.increment()
    }
}
