import Basics
import EventModel
import Tracing

/// The tracer of a process that exports spans. Any thread.
///
/// Samples by the parent: a span of a trace is recorded if its `traceparent` is sampled. A trace begins only with a request (kind `server`)
/// without one, at ``ratio``.
struct SpanTracer: Tracer {
    private static let header = "traceparent"

    /// The share of requests without a trace that begin one, 0 to 1.
    let ratio: Double
    let queue: SpanQueue

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> ExportedSpan {
        var context = context()
        let parent = context.trace
        guard parent?.isSampled ?? (kind == .server && Double.random(in: 0..<1) < ratio) else {
            return ExportedSpan(context: context, recording: nil)
        }
        var generator = SharedRandomNumberGenerator()
        let trace = parent?.child(using: &generator) ?? .root(using: &generator)
        context.trace = trace
        let record = SpanRecord(
            trace: trace,
            parentSpanID: parent?.spanID,
            kind: kind,
            start: instant().nanosecondsSinceEpoch,
            name: operationName
        )
        return ExportedSpan(context: context, recording: ExportedSpan.Recording(record, into: queue))
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context.trace = extractor.extract(key: Self.header, from: carrier).flatMap(TraceParent.init)
    }

    func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        if let trace = context.trace { injector.inject(trace.text, forKey: Self.header, into: &carrier) }
    }

    /// Does nothing: ``SpanExporter`` exports at the end of the process.
    func forceFlush() {}
}
