import EventModel
import Testing

@Suite("traceparent")
struct TraceParentTests {
    static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    static let broken = [
        "", "x", "00-\(traceID)-00f067aa0ba902b7", "00-\(traceID)-00f067aa0ba902b7-01-x", "00-\(traceID)-00f067aa0ba902b7-01x",
        "00-\(traceID.uppercased())-00f067aa0ba902b7-01", "00-\(traceID)-00F067AA0BA902B7-01", "00-\(traceID)-00f067aa0ba902b7-0A",
        "00-\(traceID)-0000000000000000-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-\(traceID)0-00f067aa0ba902b7-1", "0-\(traceID)0-00f067aa0ba902b7-01", "00-\(traceID)-00f067aa0ba902b7-0g",
        "ff-\(traceID)-00f067aa0ba902b7-01", "0x-\(traceID)-00f067aa0ba902b7-01", "01-\(traceID)-00f067aa0ba902b7-01x",
        " 00-\(traceID)-00f067aa0ba902b7-01", "00-\(traceID)-00f067aa0ba902b7-01\n", "00-\(traceID)-00f067aa0ba902é-01",
    ]

    @Test("A malformed value is ignored", arguments: broken)
    func refuses(_ text: String) {
        #expect(TraceParent(text) == nil)
    }

    @Test(
        "The trace, whether it is sampled, and what is handed on",
        arguments: [
            ("00-\(traceID)-00f067aa0ba902b7-01", true, "00-\(traceID)-00f067aa0ba902b7-01"),
            ("00-\(traceID)-00f067aa0ba902b7-00", false, "00-\(traceID)-00f067aa0ba902b7-00"),
            // Unknown flags are kept.
            ("00-\(traceID)-00f067aa0ba902b7-02", false, "00-\(traceID)-00f067aa0ba902b7-02"),
            ("00-\(traceID)-00f067aa0ba902b7-ff", true, "00-\(traceID)-00f067aa0ba902b7-ff"),
            // A later version is reduced to the known fields.
            ("01-\(traceID)-00f067aa0ba902b7-03", true, "00-\(traceID)-00f067aa0ba902b7-01"),
            ("cc-\(traceID)-00f067aa0ba902b7-02-what=ever", false, "00-\(traceID)-00f067aa0ba902b7-00"),
        ]
    )
    func reads(_ text: String, _ isSampled: Bool, _ handedOn: String) throws {
        let trace = try #require(TraceParent(text))
        #expect(trace.traceID == Self.traceID)
        #expect(trace.isSampled == isSampled)
        #expect(trace.text == handedOn)
    }

    @Test("A child span keeps the trace id and has a new span id; a root span has two new ids")
    func newSpans() throws {
        var generator = SystemRandomNumberGenerator()
        let parent = try #require(TraceParent("00-\(Self.traceID)-00f067aa0ba902b7-01"))
        #expect(parent.spanID == "00f067aa0ba902b7")
        let child = parent.child(using: &generator)
        #expect(child.traceID == Self.traceID && child.spanID != parent.spanID && TraceParent(child.text) == child && child.isSampled)
        let root = TraceParent.root(using: &generator)
        #expect(root.traceID != Self.traceID && TraceParent(root.text) == root && root.isSampled)
    }
}
