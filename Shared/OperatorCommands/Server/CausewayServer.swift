import AsyncHTTPClient
import Basics
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOSSL

/// Sends requests to a deployment's HTTP surfaces, within limits. Any thread.
///
/// The one HTTP client of the commands; ``StreamFollower`` reads streams with it.
struct CausewayServer: Sendable {
    /// Maximum size of an answer in bytes: an action of maximum size, with its request and history.
    private static let maximumBytes = 4 * 1024 * 1024

    let target: Target
    /// Nil for a listener that takes none: an admin listener must not get the token.
    let token: String?
    /// The file that the token was read from; nil for a token of the environment.
    var tokenFile: String?
    /// A PEM file of further authorities.
    var authorities: String?
    /// Time limit of a request.
    var timeout: Duration

    /// A request.
    struct Request: Sendable, Hashable {
        enum Method: String, Sendable {
            case get = "GET"
            case post = "POST"
            case patch = "PATCH"
            case delete = "DELETE"
        }

        var method = Method.get
        /// Segments of the path, not encoded.
        var path: [String]
        /// Names and values of the query, not encoded.
        var query: [[String]] = []
        /// JSON.
        var body: [UInt8]?
        var idempotencyKey: String?
        /// The place that a stream continues behind (contract §3); the empty text is the oldest event kept.
        var lastEventID: String?
        var accept = "application/json"

        /// Path and query, encoded.
        var address: String {
            func encoded(_ text: String) -> String { PercentEncoding.encode(text, isPlain: PercentEncoding.isUnreserved) }
            let path = path.map { "/\(encoded($0))" }.joined()
            return query.isEmpty ? path : "\(path)?\(query.map { $0.map(encoded).joined(separator: "=") }.joined(separator: "&"))"
        }

        /// The requests about approvals are below this path.
        static let approvals = ["v1", "notifications", "approvals"]
    }

    /// An answer of any status.
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        var requestID: String?
        /// Of an answer to a request that may succeed later (contract §1).
        var retryAfter: Duration?

        var isSuccess: Bool { (200..<300).contains(status) }
    }

    /// The server could not be asked.
    struct Unreachable: Error {
        let sentence: String
    }

    /// Whether a token is valid in a header.
    static func isSendable(_ token: String) -> Bool {
        !token.isEmpty && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Returns this server with the token that its file has now; nil if that is the same one, or unusable.
    ///
    /// Lets a command that runs for long continue when a short-lived token was replaced in its file. Blocks the calling thread.
    func withRenewedToken() -> Self? {
        guard let tokenFile, let renewed = SecretFile.read(tokenFile), Self.isSendable(renewed), renewed != token else { return nil }
        return Self(target: target, token: renewed, tokenFile: tokenFile, authorities: authorities, timeout: timeout)
    }

    /// Sends a request once and returns the answer, of any status.
    func send(_ request: Request) async throws(Unreachable) -> Answer {
        do {
            return try await withDeadline(timeout) { try await exchange(request) }
        } catch WaitError.deadlineExceeded {
            throw Unreachable(sentence: "\(target) did not answer within \(Wording.show(timeout))")
        } catch is NIOTooManyBytesError {
            throw Unreachable(sentence: "the answer of \(target) is larger than \(Self.maximumBytes) bytes")
        } catch {
            throw Unreachable(sentence: "\(target) could not be reached: \(error)")
        }
    }

    /// Sends a request once and returns the body of a successful answer.
    ///
    /// - Throws: the exit code of the command, after printing the server's message.
    func answer(to request: Request) async throws -> [UInt8] {
        let answer: Answer
        do throws(Unreachable) {
            answer = try await send(request)
        } catch {
            throw Exit.because(error.sentence, Exit.unavailable)
        }
        guard answer.isSuccess else { throw ServerRefusal(answer, of: target).exit() }
        return answer.body
    }

    /// Decodes the body of a successful answer.
    static func decode<Body: Decodable>(_ type: Body.Type, _ body: [UInt8]) throws -> Body {
        guard let decoded = try? JSONDecoder().decode(type, from: Data(body)) else {
            throw Exit.because("the answer is not Causeway's: check --url", Exit.unavailable)
        }
        return decoded
    }

    private func exchange(_ request: Request) async throws -> Answer {
        // A client per request: a command sends one, or one every few seconds.
        try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            let response = try await client.execute(message(request), timeout: .nanoseconds(timeout.nanoseconds))
            return try await Self.answer(response)
        }
    }

    /// Reads the whole body of a response.
    static func answer(_ response: HTTPClientResponse) async throws -> Answer {
        let body = try await response.body.collect(upTo: maximumBytes)
        return Answer(
            status: Int(response.status.code),
            body: Array(body.readableBytesView),
            requestID: response.headers.first(name: "x-request-id"),
            retryAfter: response.headers.first(name: "retry-after").flatMap(Int.init).map { .seconds($0) }
        )
    }

    /// The HTTP client's configuration for this server.
    var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        // A redirect could take the token to another server.
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        if let authorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(authorities)]
            configuration.tlsConfiguration = tls
        }
        return configuration
    }

    /// Returns the request with its header fields.
    func message(_ request: Request) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: "\(target)\(request.address)")
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        if let token { message.headers.add(name: "authorization", value: "Bearer \(token)") }
        message.headers.add(name: "accept", value: request.accept)
        if let key = request.idempotencyKey { message.headers.add(name: "idempotency-key", value: key) }
        if let lastEventID = request.lastEventID { message.headers.add(name: "last-event-id", value: lastEventID) }
        if let body = request.body {
            message.headers.add(name: "content-type", value: "application/json")
            message.body = .bytes(ByteBuffer(bytes: body))
        }
        return message
    }
}
