import EventModel
import Synchronization
import Tracing

/// A span of ``SpanTracer``. Any thread. Without a recording, all calls do nothing.
struct ExportedSpan: Span {
    /// The values of a span until it ends; nil after that.
    final class Recording: Sendable {
        let record: Mutex<SpanRecord?>
        let queue: SpanQueue

        init(_ record: SpanRecord, into queue: SpanQueue) {
            self.record = Mutex(record)
            self.queue = queue
        }

        func change(_ body: (inout SpanRecord) -> Void) {
            record.withLock { record in
                guard var changed = record else { return }
                body(&changed)
                record = changed
            }
        }
    }

    let context: InstrumentationContext
    let recording: Recording?

    var isRecording: Bool { recording?.record.withLock { $0 != nil } ?? false }

    var operationName: String {
        get { recording?.record.withLock { $0?.name } ?? "" }
        nonmutating set { recording?.change { $0.name = newValue } }
    }

    var attributes: SpanAttributes {
        get { recording?.record.withLock { $0?.attributes } ?? [:] }
        nonmutating set { recording?.change { $0.attributes = newValue } }
    }

    func setStatus(_ status: SpanStatus) { recording?.change { $0.status = status.code } }

    func addEvent(_ event: SpanEvent) {}

    func addLink(_ link: SpanLink) {}

    func recordError<Instant: TracerInstant>(_ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant) {
        recording?.change {
            $0.attributes["error.type"] = "\(type(of: error))"
            $0.status = .error
        }
    }

    /// Queues the span for export. Only the first call has an effect.
    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let recording, var record = recording.record.withLock({ $0.take() }) else { return }
        // The clock may have been set back.
        record.end = max(record.start, instant().nanosecondsSinceEpoch)
        recording.queue.add(record)
    }
}
