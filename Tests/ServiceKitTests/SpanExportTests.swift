import EventModel
import Testing
import Tracing

@testable import ServiceKit

@Suite("Spans")
struct SpanExportTests {
    private static let sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"

    private struct Moment: TracerInstant {
        var nanosecondsSinceEpoch: UInt64

        static func < (left: Moment, right: Moment) -> Bool { left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch }
    }

    private struct Header: Extractor, Injector {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    }

    private static func context(_ text: String?) -> InstrumentationContext { InstrumentationContext(text.flatMap(TraceParent.init)) }

    @Test("A request has ids in hexadecimal, 64-bit integers as texts and enumerations as numbers")
    func encoding() throws {
        let queue = SpanQueue()
        let tracer = SpanTracer(ratio: 0, queue: queue)
        let span = tracer.startSpan(
            "POST /v1/events",
            context: Self.context(Self.sampled),
            ofKind: .server,
            at: Moment(nanosecondsSinceEpoch: 1_700_000_000_000_000_001)
        )
        span.attributes["a"] = 7
        span.setStatus(SpanStatus(code: .error, message: "not exported"))
        span.end(at: Moment(nanosecondsSinceEpoch: 1_700_000_000_000_000_002))
        let record = try #require(queue.first(1).first)
        let resource = OTLPRequest.Resource(service: "sse-edge", version: "1.2.3", instance: "x")
        let json = String(decoding: OTLPRequest(resource: resource, spans: [record]).json, as: UTF8.self)
        #expect(
            json == """
                {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"sse-edge"}},\
                {"key":"service.version","value":{"stringValue":"1.2.3"}},{"key":"service.instance.id","value":{"stringValue":"x"}}]},\
                "scopeSpans":[{"scope":{"name":"causeway","version":"1.2.3"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736",\
                "spanId":"\(record.trace.spanID)","parentSpanId":"00f067aa0ba902b7","flags":1,"name":"POST /v1/events","kind":2,\
                "startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000002",\
                "attributes":[{"key":"a","value":{"intValue":"7"}}],"status":{"code":2}}]}]}]}
                """
        )
    }

    @Test("Values of each kind, and each kind of span")
    func values() {
        let trace = TraceParent(Self.sampled)
        let kinds: [SpanKind] = [.internal, .server, .client, .producer, .consumer]
        let records = kinds.map { kind in
            var record = SpanRecord(trace: trace!, parentSpanID: nil, kind: kind, start: 1, name: "")
            record.attributes = ["v": kind == .internal ? .bool(true) : kind == .server ? .double(0.5) : .string("\"")]
            return record
        }
        let resource = OTLPRequest.Resource(service: "a", version: "b", instance: "c")
        let json = String(decoding: OTLPRequest(resource: resource, spans: records).json, as: UTF8.self)
        for number in 1...5 { #expect(json.contains(#""kind":\#(number),"#)) }
        for value in [#"{"boolValue":true}"#, #"{"doubleValue":0.5}"#, #"{"stringValue":"\""}"#] { #expect(json.contains(value)) }
        #expect(!json.contains("parentSpanId") && !json.contains("status"))
    }

    @Test(
        "A span is recorded if its parent is sampled; a trace begins with a request, at the ratio",
        arguments: [
            (sampled, SpanKind.client, 0.0, true), (unsampled, .server, 1.0, false), (nil, .server, 0.0, false), (nil, .server, 1.0, true),
            (nil, .client, 1.0, false),
        ] as [(String?, SpanKind, Double, Bool)]
    )
    func sampling(_ parent: String?, _ kind: SpanKind, _ ratio: Double, _ isRecorded: Bool) throws {
        let queue = SpanQueue()
        let span = SpanTracer(ratio: ratio, queue: queue).startSpan("a", context: Self.context(parent), ofKind: kind)
        #expect(span.isRecording == isRecorded)
        span.end()
        span.end()
        #expect(queue.first(9).count == (isRecorded ? 1 : 0) && !span.isRecording)
        guard isRecorded else {
            #expect(span.context.trace?.text == parent)
            return
        }
        let trace = try #require(span.context.trace)
        #expect(TraceParent(trace.text) == trace && trace.isSampled)
        let before = parent.flatMap(TraceParent.init)
        #expect(queue.first(1).first?.parentSpanID == before?.spanID && trace.spanID != before?.spanID)
        #expect(before == nil || before?.traceID == trace.traceID)
    }

    @Test("A trace is handed on by traceparent")
    func propagation() throws {
        let tracer = SpanTracer(ratio: 0, queue: SpanQueue())
        var context = InstrumentationContext.topLevel
        tracer.extract(["traceparent": Self.sampled], into: &context, using: Header())
        #expect(context.trace?.text == Self.sampled)
        var fields: [String: String] = [:]
        tracer.inject(context, into: &fields, using: Header())
        #expect(fields == ["traceparent": Self.sampled])
        tracer.extract(["traceparent": "malformed"], into: &context, using: Header())
        #expect(context.trace == nil)
    }

    /// Ends spans of a tenant; of requests without an accepted token for nil.
    private static func end(_ count: Int, of tenant: String?, into queue: SpanQueue) {
        let tracer = SpanTracer(ratio: 1, queue: queue)
        for _ in 0..<count {
            let span = tracer.startSpan("a", context: .topLevel, ofKind: .server)
            span.attributes[SpanKey.tenant] = tenant
            span.end()
        }
    }

    @Test("A full queue drops further spans and counts them, as it does those that were not exported")
    func bound() {
        let queue = SpanQueue()
        for tenant in ["a", "b"] { Self.end(SpanQueue.tenantCapacity, of: tenant, into: queue) }
        Self.end(3, of: "c", into: queue)
        #expect(queue.first(.max).count == SpanQueue.capacity && queue.dropped == 3)
        queue.remove(10, wereExported: true)
        queue.remove(5, wereExported: false)
        #expect(queue.first(.max).count == SpanQueue.capacity - 15 && queue.exported == 10 && queue.dropped == 8)
    }

    @Test("A tenant has half of the queue, and all without an accepted token an eighth; what is removed frees its share")
    func shares() {
        let queue = SpanQueue()
        Self.end(SpanQueue.capacity, of: nil, into: queue)
        #expect(queue.first(.max).count == SpanQueue.strangerCapacity)
        Self.end(SpanQueue.capacity, of: "loud", into: queue)
        #expect(queue.first(.max).count == SpanQueue.strangerCapacity + SpanQueue.tenantCapacity)
        Self.end(1, of: "quiet", into: queue)
        #expect(queue.first(.max).last?.tenant == "quiet")
        queue.remove(SpanQueue.strangerCapacity + 1, wereExported: true)
        let left = queue.first(.max).count
        for tenant in [nil, "loud"] { Self.end(1, of: tenant, into: queue) }
        #expect(queue.first(.max).count == left + 2)
        queue.remove(left + 2, wereExported: true)
        Self.end(SpanQueue.capacity, of: "loud", into: queue)
        #expect(queue.first(.max).count == SpanQueue.tenantCapacity)
    }

    @Test("A clock that is set back does not end a span before its start")
    func clock() {
        let queue = SpanQueue()
        let span = SpanTracer(ratio: 1, queue: queue).startSpan(
            "a",
            context: .topLevel,
            ofKind: .server,
            at: Moment(nanosecondsSinceEpoch: 5)
        )
        span.end(at: Moment(nanosecondsSinceEpoch: 4))
        #expect(queue.first(1).first?.end == 5)
    }

    @Test("Spans are exported only to a collector", arguments: ["http://127.0.0.1:4318", "https://collector.example/otlp/"])
    func endpoint(_ url: String) throws {
        #expect(try Settings().spanCollector() == nil)
        let settings = try Settings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": url])
        #expect(try settings.spanCollector() == (url.hasSuffix("/") ? url : url + "/") + "v1/traces")
    }

    @Test(
        "What is not the URL of a collector is refused",
        arguments: ["127.0.0.1:4318", "ftp://a", "http://", "http://user:secret@a", "http://a?key=b", "http://a#b"]
    )
    func refused(_ url: String) throws {
        let settings = try Settings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": url])
        let error = #expect(throws: ConfigurationError.self) { try settings.spanCollector() }
        #expect(error?.message.contains("otel.exporter.otlp.endpoint") == true && error?.message.contains("secret") == false)
    }

    @Test("Headers for the collector are pairs with percent-encoded values")
    func headers() throws {
        #expect(try Settings().spanCollectorHeaders().isEmpty)
        let text = " Authorization = Bearer%20a%2Cb== ,, x-scope=eu west,X-Scope=eu+1 ,empty="
        let settings = try Settings(environment: ["OTEL_EXPORTER_OTLP_HEADERS": text])
        let headers = try settings.spanCollectorHeaders().map { "\($0.name): \($0.value)" }
        #expect(headers == ["authorization: Bearer a,b==", "x-scope: eu+1", "empty: "])
        #expect(settings.printed.contains("# otel.exporter.otlp.headers: <redacted>"))
    }

    @Test(
        "A malformed header for the collector is refused by its position, and not shown",
        arguments: [
            "s3cret", "=s3cret", "s3 cret=a", "a=s3cret%2", "a=s3cret%0D%0Ab", "a=s3cret%C3%A9", "a=s3cret%20", "Content-Type=s3cret",
        ]
    )
    func refusedHeader(_ pair: String) throws {
        let settings = try Settings(environment: ["OTEL_EXPORTER_OTLP_HEADERS": "x-first=1,,\(pair),x-last=2"])
        let error = #expect(throws: ConfigurationError.self) { try settings.spanCollectorHeaders() }
        let message = try #require(error?.message)
        #expect(message.hasPrefix("otel.exporter.otlp.headers: pair 3 "))
        for part in ["s3", "cret"] { #expect(!message.contains(part)) }
    }
}
