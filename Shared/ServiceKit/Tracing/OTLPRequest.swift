import Basics
import EventModel
import Tracing

/// A request to a collector: `ExportTraceServiceRequest` in JSON (OpenTelemetry Protocol 1.5, "JSON Protobuf Encoding"). Ids are hexadecimal,
/// 64-bit integers are texts, enumerations are numbers.
struct OTLPRequest {
    /// The process whose spans they are.
    struct Resource: Sendable {
        /// `service.name`.
        let service: String
        /// `service.version`.
        let version: String
        /// `service.instance.id`: distinguishes replicas.
        let instance: String
    }

    let resource: Resource
    let spans: [SpanRecord]

    /// The body in UTF-8.
    var json: [UInt8] {
        let about: [(String, SpanAttribute)] = [
            ("service.name", .string(resource.service)), ("service.version", .string(resource.version)),
            ("service.instance.id", .string(resource.instance)),
        ]
        let scope: JSONObject = [
            "scope": .object(["name": "causeway", "version": .string(resource.version)]),
            "spans": .array(spans.map { .object(Self.span($0)) }),
        ]
        let group: JSONObject = [
            "resource": .object(["attributes": .array(about.compactMap(Self.attribute))]), "scopeSpans": .array([.object(scope)]),
        ]
        return JSONObject(dictionaryLiteral: ("resourceSpans", .array([.object(group)]))).bytes
    }

    private static func span(_ span: SpanRecord) -> JSONObject {
        var object: JSONObject = ["traceId": .string(span.trace.traceID), "spanId": .string(span.trace.spanID)]
        object.append("parentSpanId", text: span.parentSpanID)
        object.append("flags", 1)
        object.append("name", .string(span.name))
        object.append("kind", .integer(number(of: span.kind)))
        object.append("startTimeUnixNano", .string(String(span.start)))
        object.append("endTimeUnixNano", .string(String(span.end)))
        var attributes: [JSONObject.Value] = []
        span.attributes.forEach { name, value in
            if let attribute = attribute(name, value) { attributes.append(attribute) }
        }
        object.append("attributes", .array(attributes))
        if let status = span.status { object.append("status", .object(["code": .integer(status == .error ? 2 : 1)])) }
        return object
    }

    /// Returns a `KeyValue`; nil for a value of a kind that no span has here.
    private static func attribute(_ name: String, _ value: SpanAttribute) -> JSONObject.Value? {
        let encoded: JSONObject
        switch value {
        case .string(let text): encoded = ["stringValue": .string(text)]
        case .int32(let number): encoded = ["intValue": .string(String(number))]
        case .int64(let number): encoded = ["intValue": .string(String(number))]
        case .bool(let flag): encoded = ["boolValue": .boolean(flag)]
        case .double(let number): encoded = ["doubleValue": .number(number)]
        case .stringConvertible(let described): encoded = ["stringValue": .string("\(described)")]
        default: return nil
        }
        return .object(["key": .string(name), "value": .object(encoded)])
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
