public import Tracing

extension InstrumentationContext {
    private enum TraceKey: InstrumentationContextKey {
        typealias Value = TraceParent
    }

    /// Creates the context of a trace; that of no trace for nil.
    public init(_ trace: TraceParent?) {
        self = .topLevel
        self.trace = trace
    }

    /// The trace, with the span that a new one has as its parent. Nil outside of a trace.
    public var trace: TraceParent? {
        get { self[TraceKey.self] }
        set { self[TraceKey.self] = newValue }
    }
}

extension Tracer {
    /// Starts a span of a sampled trace. Outside of one it costs the check of one byte. Any thread.
    ///
    /// - Returns: nil outside of a sampled trace, or if the process exports no spans.
    public func startSpan(_ name: String, within trace: TraceParent?, ofKind kind: SpanKind) -> (any Tracing.Span)? {
        guard let trace, trace.isSampled else { return nil }
        let span: any Tracing.Span = startSpan(name, context: InstrumentationContext(trace), ofKind: kind)
        return span.isRecording ? span : nil
    }
}
