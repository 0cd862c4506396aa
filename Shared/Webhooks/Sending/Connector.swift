import Basics
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Opens connections to addresses that were checked.
///
/// On NIO's own bootstrap, because async-http-client has the address as a setting of a client (`dnsOverride`): another address would need
/// another client, with another pool and another parse of the machine's authorities.
struct Connector: Sendable {
    /// Opens a socket to an address; tests record the addresses.
    typealias Dial = @Sendable (ClientBootstrap, SocketAddress) -> EventLoopFuture<any Channel>

    private let group: any EventLoopGroup
    private let context: NIOSSLContext
    private let dial: Dial
    private let idleTimeout: TimeAmount

    /// Reads the authorities.
    ///
    /// - Parameter idleTimeout: after this time without an exchange a connection closes.
    init(authoritiesFile: String?, idleTimeout: TimeAmount, group: any EventLoopGroup, dial: @escaping Dial) throws {
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.minimumTLSVersion = .tlsv12
        trust.applicationProtocols = ["http/1.1"]
        // A receiver that does not end TLS in return keeps the socket, which no limit counts any more, for so long.
        trust.shutdownTimeout = .milliseconds(100)
        if let authoritiesFile { trust.additionalTrustRoots = [.file(authoritiesFile)] }
        // One for all connections: it holds the machine's authorities.
        context = try NIOSSLContext(configuration: trust)
        self.idleTimeout = idleTimeout
        self.group = group
        self.dial = dial
    }

    /// Why there is no connection.
    enum Failure: Error, Hashable {
        /// No socket: another address may do.
        case unreachable
        /// This process has no descriptor, port or memory left for a socket: no fault of the receiver's.
        case exhausted
        /// The host is not who the URL says.
        case untrusted
        /// The connection ended during the handshake.
        case cutOff
        /// The handshake did not end in time.
        case timedOut
    }

    /// Connects to an address, not to the URL's name, and verifies TLS for the URL's host. The caller owns the connection; nothing was sent
    /// on it.
    ///
    /// - Parameters:
    ///   - limit: until when the socket must be open.
    ///   - deadline: until when TLS must be established.
    func connect(to address: IPAddress, for url: WebhookURL, within limit: TimeAmount, until deadline: NIODeadline) async throws(Failure)
        -> any Channel
    {
        let loop = group.next()
        let established = loop.makePromise(of: Void.self)
        let opening = OpeningChannel()
        let channel: any Channel
        do {
            let socket = try SocketAddress(ipAddress: "\(address)", port: Int(url.port))
            let bootstrap = ClientBootstrap(group: loop)
                .connectTimeout(limit)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { [context, idleTimeout] channel in
                    opening.begin(channel)
                    return channel.eventLoop.makeCompletedFuture {
                        let handlers = channel.pipeline.syncOperations
                        if url.isSecure { try Self.addTLS(to: handlers, for: url, context, until: deadline, established) }
                        try Self.addHTTP(to: handlers, idleTimeout: idleTimeout)
                    }
                }
            channel = try await withTaskCancellationHandler {
                try await dial(bootstrap, socket).get()
            } onCancel: {
                opening.cancel()
            }
        } catch {
            let failure: Failure = Self.isLocal(error) ? .exhausted : .unreachable
            established.fail(failure)
            throw failure
        }
        guard url.isSecure else {
            established.succeed()
            return channel
        }
        do {
            try await withTaskCancellationHandler {
                try await established.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            return channel
        } catch {
            switch error as? HandshakeHandler.Failure {
            case .untrusted: throw .untrusted
            case .timedOut: throw .timedOut
            case .cutOff, nil: throw .cutOff
            }
        }
    }

    private static func isLocal(_ error: any Error) -> Bool {
        guard let code = (error as? IOError)?.errnoCode else { return false }
        return [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(code)
    }

    private static func addTLS(
        to handlers: ChannelPipeline.SynchronousOperations,
        for url: WebhookURL,
        _ context: NIOSSLContext,
        until deadline: NIODeadline,
        _ established: EventLoopPromise<Void>
    ) throws {
        // An address has no name to send; the certificate is then compared with the connection's address.
        var name: String?
        if case .name(let text) = url.host { name = text }
        try handlers.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
        try handlers.addHandler(HandshakeHandler(name: name, deadline: deadline, promise: established))
    }

    private static func addHTTP(to handlers: ChannelPipeline.SynchronousOperations, idleTimeout: TimeAmount) throws {
        let meter = AnswerMeter(maximumBytes: WebhookSenderConfiguration.maximumAnswerBytes)
        try handlers.addHandler(meter)
        try handlers.addHandler(HTTPRequestEncoder())
        try handlers.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
        try handlers.addHandler(ExchangeHandler(meter: meter, idleTimeout: idleTimeout))
    }
}

/// The channel of a connection that is being opened: closed when the attempt is cancelled, so that nobody waits for a host that does not answer. Any
/// thread.
private final class OpeningChannel: Sendable {
    private let state = Mutex<(channel: (any Channel)?, isCancelled: Bool)>((nil, false))

    /// Takes the channel, before it connects.
    func begin(_ channel: any Channel) {
        let isCancelled = state.withLock { state in
            state.channel = channel
            return state.isCancelled
        }
        if isCancelled { channel.close(promise: nil) }
    }

    /// Ends the opening.
    func cancel() {
        let channel = state.withLock { state in
            state.isCancelled = true
            return state.channel
        }
        channel?.close(promise: nil)
    }
}
