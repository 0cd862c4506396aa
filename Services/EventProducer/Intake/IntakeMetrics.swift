import CausewayProducer
import Metrics

/// What the intake counts; swift-metrics instruments, made once.
struct IntakeMetrics: Sendable {
    private let stored = Counter(label: "causeway_intake_events", dimensions: [("outcome", "stored")])
    private let duplicate = Counter(label: "causeway_intake_events", dimensions: [("outcome", "duplicate")])
    private let failures = Counter(label: "causeway_intake_log_failures")
    private let duration = Timer(label: "causeway_intake_store")

    /// The log has acknowledged the events of a request.
    func acknowledged(_ events: [PublishedEvent], after time: Duration) {
        let known = events.count { $0.isDuplicate }
        stored.increment(by: events.count - known)
        duplicate.increment(by: known)
        duration.record(duration: time)
    }

    /// The log has not acknowledged the events of a request.
    func failed() {
        failures.increment()
    }
}
