import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Measures the cost of a minimal intake route with the project's HTTP server: reads the body and answers 202; no token, checks or log.
///
/// Takes `HTTP_HOST` and `HTTP_PORT` like the project's programs. The suite measures `event-producer serve` against it.
@main
struct Yardstick {
    static func main() async throws {
        let environment = Environment()
        let router = Router()
        router.post("/v1/events") { request, _ in
            _ = try await request.body.collect(upTo: 16 << 20)
            return Response(
                status: .accepted,
                headers: [.contentType: "application/json; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"accepted":1,"ids":["evt_01HX9VTPQR3KF8MZWBYD5N6JCE"]}"#))
            )
        }
        let host = environment.get("HTTP_HOST") ?? "127.0.0.1"
        let port = environment.get("HTTP_PORT", as: Int.self) ?? 8080
        var logger = Logger(label: "hummingbird-yardstick")
        logger.logLevel = .warning
        try await Application(router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)), logger: logger)
            .runService()
    }
}
