import AsyncHTTPClient
import Basics
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// The JSON Web Key Set behind a URL: how it is fetched, and what a fetch may cost at most.
struct KeyDocument: Sendable {
    let url: String
    let timeout: Duration
    let maximumBytes: Int

    /// Why a fetch failed, as a sentence for the log.
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

    /// The URL without what might be private in it, for logs.
    var shown: String { Self.shown(url) }

    /// `url` without user, password, query and fragment.
    static func shown(_ url: String) -> String {
        guard let parsed = URL(string: url), let scheme = parsed.scheme, let host = parsed.host() else { return "(not a URL)" }
        return "\(scheme)://\(host)\(parsed.port.map { ":\($0)" } ?? "")\(parsed.path())"
    }

    /// Whether somebody on the network between could put keys of their own into the answer.
    var isExposed: Bool {
        guard let parsed = URL(string: url), parsed.scheme?.lowercased() == "http" else { return false }
        return !["127.0.0.1", "::1", "localhost"].contains(parsed.host())
    }

    /// The document's bytes. Ends within ``timeout`` whatever the server does.
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
        // A redirect would let the answer come from somewhere the operator has not named, perhaps without TLS.
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // When to try again is the key ring's business.
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client of its own for each of these rare requests: nothing to keep open, nothing to shut down later.
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
