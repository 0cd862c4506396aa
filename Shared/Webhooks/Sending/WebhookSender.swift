public import Basics
import NIOCore
import NIOHTTP1
import NIOPosix

/// Makes attempts at deliveries, each within its time limit and bounds, also when the receiver breaks the protocol (contract §14). Any
/// thread.
///
/// 1. The host is resolved once for an attempt. All its addresses are checked, and only checked ones are connected to, so a name that
///    changes between check and connection changes nothing.
/// 2. TLS is verified for the URL's host. Redirects are answers like any other.
/// 3. Neither a tenant nor a host takes all places (``WebhookSenderConfiguration/Limits``).
/// 4. Connections are kept for the next delivery to the same host, if that resolves to the same address.
public final class WebhookSender: Sendable {
    /// The authorities' file cannot be used.
    public struct ConfigurationError: ExplainedError, CustomStringConvertible {
        /// The error message with the remedy.
        public let message: String
        public var description: String { message }
    }

    /// How many addresses of a host an attempt tries.
    static let maximumAddresses = 4
    private static let userAgent = "Causeway-Webhooks/1.0"

    private let configuration: WebhookSenderConfiguration
    private let resolver: any HostResolver
    private let connector: Connector
    private let places: AttemptPlaces
    private let idle: IdleConnections
    private let now: @Sendable () -> Timestamp

    /// Creates a sender on NIO's shared event loops. Call ``close()`` when it is no longer used.
    ///
    /// - Parameter now: the wall clock, for the time in signatures and for `Retry-After`.
    /// - Throws: when the file of authorities cannot be read.
    public convenience init(
        _ configuration: WebhookSenderConfiguration,
        resolver: any HostResolver = SystemResolver(),
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) throws(ConfigurationError) {
        try self.init(configuration, resolver: resolver, now: now, dial: { $0.connect(to: $1) })
    }

    init(
        _ configuration: WebhookSenderConfiguration,
        resolver: any HostResolver,
        now: @escaping @Sendable () -> Timestamp,
        dial: @escaping Connector.Dial
    ) throws(ConfigurationError) {
        do {
            connector = try Connector(
                authoritiesFile: configuration.authoritiesFile,
                idleTimeout: .nanoseconds(configuration.idleTimeout.nanoseconds),
                group: MultiThreadedEventLoopGroup.singleton,
                dial: dial
            )
        } catch {
            let file = configuration.authoritiesFile ?? "the machine's certificates"
            throw ConfigurationError(message: "\(file) cannot be used as authorities for webhooks, it must hold PEM certificates: \(error)")
        }
        self.configuration = configuration
        self.resolver = resolver
        self.now = now
        places = AttemptPlaces(configuration.limits)
        idle = IdleConnections(configuration.limits)
    }

    /// The bounds.
    public var limits: WebhookSenderConfiguration.Limits { configuration.limits }

    /// Number of attempts under way.
    public var attemptCount: Int { places.count }

    /// Number of connections that are kept.
    public var idleConnectionCount: Int { idle.count }

    /// Makes one attempt. Returns within the time limit, and soon when the task is cancelled: then ``AttemptOutcome/postponed``, though the
    /// receiver may have the message. Postponed is also what has no place, and what this process cannot open a socket for.
    ///
    /// - Parameters:
    ///   - message: what to send; signed with the time of this call.
    ///   - url: the endpoint.
    ///   - tenant: whose endpoint it is.
    ///   - secrets: the endpoint's.
    ///   - isTest: whether an administrator asked for the attempt: tests have bounds in addition to those of all attempts.
    public func send(
        _ message: SignedMessage,
        to url: WebhookURL,
        of tenant: Tenant,
        signedBy secrets: EndpointSecrets,
        isTest: Bool = false
    ) async -> AttemptOutcome {
        let origin = url.origin
        guard places.take(tenant, origin, isTest: isTest) else { return .postponed }
        defer { places.giveBack(tenant, origin, isTest: isTest) }
        let deadline = NIODeadline.now() + .nanoseconds(configuration.timeout.nanoseconds)
        do throws(AttemptError) {
            let addresses = try await addresses(of: url, for: tenant, until: deadline)
            let reply = try await exchange(message, signedBy: secrets, with: url, at: addresses, until: deadline)
            return .answered(answer(reply))
        } catch {
            switch error {
            case .failure(let failure): return .failed(failure)
            case .postponed: return .postponed
            }
        }
    }

    /// Resolves and checks a URL's host once, for the request that registers it; each attempt does so again.
    ///
    /// - Parameter timeout: how long the look-up may take.
    /// - Returns: why an attempt would fail before it connects; nil when it would not, or the task was cancelled.
    public func fault(of url: WebhookURL, for tenant: Tenant, within timeout: Duration) async -> AttemptOutcome.Failure? {
        do throws(AttemptError) {
            _ = try await addresses(of: url, for: tenant, until: .now() + .nanoseconds(timeout.nanoseconds))
            return nil
        } catch {
            guard case .failure(let failure) = error else { return nil }
            return failure
        }
    }

    /// Closes the connections that are kept. Attempts under way end as usual.
    public func close() { idle.close() }

    private enum AttemptError: Error {
        case failure(AttemptOutcome.Failure)
        /// The receiver was not tried: the task was cancelled, or this process cannot open a socket.
        case postponed
    }

    // MARK: Addresses

    private func addresses(of url: WebhookURL, for tenant: Tenant, until deadline: NIODeadline) async throws(AttemptError) -> [IPAddress] {
        do throws(AddressRules.Refusal) {
            try configuration.rules.check(url)
        } catch {
            throw .failure(.refused(error))
        }
        let found: [IPAddress]
        switch url.host {
        case .address(let address): found = [address]
        case .name(let name): found = try await resolve(name, for: tenant, until: deadline)
        }
        do throws(AddressRules.Refusal) {
            return Array(try configuration.rules.check(found, of: url).prefix(Self.maximumAddresses))
        } catch {
            // The owner of a public name can make it an alias of a private one: whether that is absent, and what it means, is not for tenants.
            guard case .address = url.host else { throw .failure(.unresolvable) }
            throw .failure(.refused(error))
        }
    }

    /// The look-up goes on when the deadline passes, and serves later attempts.
    private func resolve(_ name: String, for tenant: Tenant, until deadline: NIODeadline) async throws(AttemptError) -> [IPAddress] {
        let result = OneShot<[IPAddress]>()
        let resolver = resolver
        Task { result.settle(await resolver.addresses(of: name, for: tenant)) }
        do throws(WaitError) {
            return try await result.value(within: .nanoseconds((deadline - .now()).nanoseconds))
        } catch {
            throw error == .cancelled ? .postponed : .failure(.unresolvable)
        }
    }

    // MARK: Exchange

    private func exchange(
        _ message: SignedMessage,
        signedBy secrets: EndpointSecrets,
        with url: WebhookURL,
        at addresses: [IPAddress],
        until deadline: NIODeadline
    ) async throws(AttemptError) -> Exchange.Reply {
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: url.target)
        head.headers = ["host": url.authority, "user-agent": Self.userAgent, "content-length": "\(message.body.count)"]
        for field in message.fields(signedBy: secrets, at: now()) { head.headers.add(name: field.name, value: field.value) }
        let body = ByteBuffer(bytes: message.body)
        for key in addresses.map({ IdleConnections.Key(origin: url.origin, address: $0) }) {
            guard let channel = idle.take(key) else { continue }
            do throws(ExchangeError) {
                let reply = try await run(head, body, on: channel, key, until: deadline)
                // RFC 9110 §15.5.9: what a receiver says of a connection that was idle for too long, not of this request.
                if reply.status != 408 { return reply }
            } catch {
                // The receiver closed the connection while it was idle, and did not see the request.
                guard error == .cutOff(isUntouched: true) else { throw Self.attemptError(error) }
            }
            break
        }
        let (channel, key) = try await connect(to: addresses, for: url, until: deadline)
        do throws(ExchangeError) {
            return try await run(head, body, on: channel, key, until: deadline)
        } catch {
            throw Self.attemptError(error)
        }
    }

    /// Tries the addresses one after another, each for its part of the time that is left.
    private func connect(
        to addresses: [IPAddress],
        for url: WebhookURL,
        until deadline: NIODeadline
    ) async throws(AttemptError) -> (any Channel, IdleConnections.Key) {
        for (index, address) in addresses.enumerated() {
            guard !Task.isCancelled else { throw .postponed }
            let left = deadline - .now()
            guard left > .zero else { break }
            let limit = TimeAmount.nanoseconds(max(1_000_000, left.nanoseconds / Int64(addresses.count - index)))
            do throws(Connector.Failure) {
                let channel = try await connector.connect(to: address, for: url, within: limit, until: deadline)
                let key = IdleConnections.Key(origin: url.origin, address: address)
                idle.watch(channel, key)
                return (channel, key)
            } catch {
                guard !Task.isCancelled else { throw .postponed }
                switch error {
                case .unreachable: continue
                case .exhausted: throw .postponed
                case .untrusted: throw .failure(.untrusted)
                case .cutOff: throw .failure(.cutOff)
                case .timedOut: throw .failure(.timedOut)
                }
            }
        }
        throw .failure(NIODeadline.now() < deadline ? .unreachable : .timedOut)
    }

    private func run(
        _ head: HTTPRequestHead,
        _ body: ByteBuffer,
        on channel: any Channel,
        _ key: IdleConnections.Key,
        until deadline: NIODeadline
    ) async throws(ExchangeError) -> Exchange.Reply {
        let promise = channel.eventLoop.makePromise(of: Exchange.Reply.self)
        let reply: Exchange.Reply
        do {
            reply = try await withTaskCancellationHandler {
                channel.writeAndFlush(Exchange(head: head, body: body, promise: promise, deadline: deadline)).whenFailure { _ in
                    // The handler settles what it took. A closed connection has no handlers.
                    channel.closeFuture.whenComplete { _ in promise.fail(ExchangeError.cutOff(isUntouched: true)) }
                }
                return try await promise.futureResult.get()
            } onCancel: {
                promise.fail(ExchangeError.cancelled)
                channel.close(promise: nil)
            }
        } catch {
            throw error as? ExchangeError ?? .cutOff(isUntouched: false)
        }
        if reply.isReusable { idle.put(channel, key) }
        return reply
    }

    private static func attemptError(_ error: ExchangeError) -> AttemptError {
        switch error {
        case .timedOut: .failure(.timedOut)
        case .cutOff: .failure(.cutOff)
        case .malformed: .failure(.malformed)
        case .cancelled: .postponed
        }
    }

    private func answer(_ reply: Exchange.Reply) -> AttemptOutcome.Answer {
        var answer = AttemptOutcome.Answer(status: reply.status, excerpt: Self.text(reply.excerpt))
        if reply.status == 429 || reply.status == 503 { answer.retryAfter = reply.retryAfter.flatMap { RetryAfter.parse($0, at: now()) } }
        return answer
    }

    /// Decodes foreign bytes for a list that people read: what is no text becomes U+FFFD.
    private static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            let isControl = scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || (0x7F...0x9F).contains(scalar.value)
            text.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return text
    }
}
