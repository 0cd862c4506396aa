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
