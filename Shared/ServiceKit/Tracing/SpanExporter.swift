import AsyncHTTPClient
import Basics
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// Sends ended spans to a collector by OTLP over HTTP, as a service: every half second, in batches. At the end of the process it sends what
/// is left, within ``lastLimit``.
///
/// A batch is sent again after a failure of the connection and the answers 429, 502, 503 and 504 (OTLP 1.5, "Failures"), with a growing
/// delay; after other answers it is dropped. Meanwhile the queue drops what it has no room for.
struct SpanExporter: Service {
    /// The number of spans of a request.
    static let batch = 512
    /// The time limit of a request.
    static let timeout: Duration = .seconds(5)
    /// The time limit of the export at the end of the process.
    static let lastLimit: Duration = .seconds(3)

    private static let interval: Duration = .milliseconds(500)
    private static let longestDelay: Duration = .seconds(30)
    private static let longestAnswer = 64 * 1024

    /// The result of an attempt.
    private enum Outcome {
        case accepted, refused, unavailable
    }

    let url: String
    /// Header fields of each request beside those of the protocol; secret.
    let headers: HTTPHeaders
    let resource: OTLPRequest.Resource
    let queue: SpanQueue
    let logger: Logger

    func run() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        // The export must not be traced.
        configuration.tracing.tracer = nil
        try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            // Ends by the cancellation of its sleep.
            try? await cancelWhenGracefulShutdown { try await export(with: client) }
            _ = try? await withDeadline(Self.lastLimit) { await exportAll(with: client) }
            let left = queue.first(SpanQueue.capacity).count
            queue.remove(left, wereExported: false)
        }
    }

    private func export(with client: HTTPClient) async throws {
        var delay = Self.interval
        while true {
            try await Task.sleep(for: delay)
            let isAvailable = await exportAll(with: client)
            delay = isAvailable ? Self.interval : min(delay * 2, Self.longestDelay)
        }
    }

    /// Exports what is queued. Returns false when the collector is unavailable.
    @discardableResult
    private func exportAll(with client: HTTPClient) async -> Bool {
        while true {
            let spans = queue.first(Self.batch)
            guard !spans.isEmpty else { return true }
            switch await send(spans, with: client) {
            case .accepted: queue.remove(spans.count, wereExported: true)
            case .refused: queue.remove(spans.count, wereExported: false)
            case .unavailable: return false
            }
        }
    }

    private func send(_ spans: [SpanRecord], with client: HTTPClient) async -> Outcome {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = headers
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: OTLPRequest(resource: resource, spans: spans).json))
        let problem: String
        var outcome = Outcome.unavailable
        do {
            let response = try await client.execute(request, timeout: .nanoseconds(Self.timeout.nanoseconds))
            // Read, so that the connection can be used again.
            _ = try await response.body.collect(upTo: Self.longestAnswer)
            switch response.status.code {
            case 200..<300: return .accepted
            case 429, 502, 503, 504: break
            default: outcome = .refused
            }
            problem = "the collector answered \(response.status.code)"
        } catch {
            guard !Task.isCancelled else { return .unavailable }
            problem = "\(error)"
        }
        logger.warning(
            "spans could not be exported",
            metadata: [LogKey.error: "\(problem)", LogKey.spans: "\(spans.count)"]
        )
        return outcome
    }
}
