import AsyncHTTPClient
import Basics
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Fetches the JSON Web Key Set behind a URL, within limits.
struct KeyDocument: Sendable {
    let url: String
    let timeout: Duration
    let maximumBytes: Int

    /// The log message why a fetch failed.
    struct FetchError: Error {
        let message: String
    }

    /// - Throws: when the URL is not one that can be fetched.
    init(url: String, refresh: AccessControlConfiguration.KeyRefresh) throws(AccessControlError) {
        guard let parsed = URL(string: url), ["https", "http"].contains(parsed.scheme?.lowercased()), parsed.host()?.isEmpty == false else {
            throw AccessControlError("The JWKS URL must look like https://issuer.example/.well-known/jwks.json.")
        }
        guard parsed.user() == nil, parsed.password() == nil else {
            throw AccessControlError("The JWKS URL must not contain a user or a password: public keys need none.")
        }
        self.url = url
        self.timeout = refresh.timeout
        self.maximumBytes = refresh.maximumBytes
    }

    /// The URL for logs, without private parts.
    var shown: String { Self.shown(url) }

    /// `url` without user, password, query and fragment.
    static func shown(_ url: String) -> String {
        guard let parsed = URL(string: url), let scheme = parsed.scheme, let host = parsed.host() else { return "(not a URL)" }
        return "\(scheme)://\(host)\(parsed.port.map { ":\($0)" } ?? "")\(parsed.path())"
    }

    /// Whether an attacker on the network could inject keys: plain `http` to another host.
    var isExposed: Bool {
        guard let parsed = URL(string: url), parsed.scheme?.lowercased() == "http" else { return false }
        return !["127.0.0.1", "::1", "localhost"].contains(parsed.host())
    }

    /// Fetches the document. Returns or throws within ``timeout``, whatever the server does.
    func fetch() async throws(FetchError) -> [UInt8] {
        do {
            return try await withDeadline(timeout) { try await download() }
        } catch WaitError.deadlineExceeded {
            throw FetchError(message: "The server did not answer completely within \(timeout).")
        } catch let error as FetchError {
            throw error
        } catch is NIOTooManyBytesError {
            throw FetchError(message: "The answer is larger than \(maximumBytes) bytes.")
        } catch {
            throw FetchError(message: "The server could not be reached: \(error).")
        }
    }

    private func download() async throws -> [UInt8] {
        var configuration = HTTPClient.Configuration()
        // A redirect could lead to a server that the operator did not configure, perhaps without TLS.
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // The key ring schedules retries.
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client per request, as requests are rare: no pool to keep open or to shut down.
        return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
            let response = try await client.execute(request, timeout: .nanoseconds(timeout.nanoseconds))
            guard response.status == .ok else {
                throw FetchError(message: "The server answered \(response.status.code) instead of 200.")
            }
            let body = try await response.body.collect(upTo: maximumBytes)
            try Task.checkCancellation()
            return Array(body.readableBytesView)
        }
    }
}
