import Basics
import FoundationEssentials
import Logging
import NIOHTTP1
import Tracing

/// The export of a process's spans, if its settings name a collector.
struct SpanExport {
    /// Registered as the process's tracer.
    let tracer: SpanTracer
    /// Runs with the process's services.
    let exporter: SpanExporter

    /// Creates the export; nil in a program without the keys, or without a collector.
    ///
    /// - Throws: ``ConfigurationError`` for an endpoint that cannot be used, and malformed headers.
    init?(_ settings: Settings, logger: Logger) throws(ConfigurationError) {
        guard settings.schema.keys.contains(where: { $0.name == AnyConfigurationKey.otlpEndpoint.name }),
            let url = try settings.spanCollector()
        else { return nil }
        let queue = SpanQueue()
        var generator = SharedRandomNumberGenerator()
        tracer = SpanTracer(ratio: settings[.tracesSamplerRatio], queue: queue)
        exporter = SpanExporter(
            url: url,
            headers: try settings.spanCollectorHeaders(),
            resource: OTLPRequest.Resource(
                service: settings[.otelServiceName] ?? settings.schema.executable,
                version: settings.schema.version,
                instance: Hexadecimal.lowercase((0..<16).map { _ in UInt8.random(in: 0 ... .max, using: &generator) })
            ),
            queue: queue,
            logger: logger
        )
    }
}

extension Settings {
    /// Returns the URL to which spans are sent; nil if spans are not exported.
    ///
    /// - Throws: ``ConfigurationError`` for an endpoint that is not such a URL.
    func spanCollector() throws(ConfigurationError) -> String? {
        guard let endpoint = self[.otlpEndpoint] else { return nil }
        guard let url = URL(string: endpoint), ["http", "https"].contains(url.scheme?.lowercased()), url.host()?.isEmpty == false,
            url.user() == nil, url.password() == nil, url.query() == nil, url.fragment() == nil
        else {
            throw .configuration(
                """
                \(AnyConfigurationKey.otlpEndpoint.name) is not the URL of a collector: use http or https, a host, and no user, query or fragment, \
                as in http://127.0.0.1:4318
                """
            )
        }
        return (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/v1/traces"
    }

    /// Returns the header fields of each request to the collector; empty without the setting.
    ///
    /// - Throws: ``ConfigurationError`` for a malformed pair; it shows no value.
    func spanCollectorHeaders() throws(ConfigurationError) -> HTTPHeaders {
        guard let text = self[.otlpHeaders] else { return [:] }
        return try CollectorHeaders.parse(text)
    }
}

extension AnyConfigurationKey {
    /// The base URL of a collector.
    static let otlpEndpoint = ConfigurationKey<String?>(
        optional: "otel.exporter.otlp.endpoint",
        .text,
        help: "The collector of the spans of sampled traces, such as http://127.0.0.1:4318; OTLP over HTTP in JSON, at /v1/traces."
    )
    /// Header fields of the requests to the collector, such as its token; secret.
    static let otlpHeaders = ConfigurationKey<String?>(
        optional: "otel.exporter.otlp.headers",
        .text,
        isSecret: true,
        help: "Header fields for that collector, such as its token: key=value pairs joined by commas, the values percent-encoded."
    )
    /// The share of requests without a trace that begin one.
    static let tracesSamplerRatio = ConfigurationKey(
        "otel.traces.sampler.arg",
        .number(0...1),
        default: "0",
        help: "The share of requests without a trace that begin one; a request with a trace is recorded if that is sampled."
    )
    /// The name of the service in its spans.
    static let otelServiceName = ConfigurationKey<String?>(
        optional: "otel.service.name",
        .text,
        help: "The name of the service in its spans; unless set, the executable's name."
    )
}

extension [AnyConfigurationKey] {
    /// The export of spans.
    public static let tracing: [AnyConfigurationKey] = [.otlpEndpoint, .otlpHeaders, .tracesSamplerRatio, .otelServiceName]
}
