import Basics
import CausewayProducer
import EventModel
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Opens connections to one address.
struct Dialer: Sendable {
    /// Time limit until a connection can be used, including name look-up and TLS.
    static let patience: TimeAmount = .seconds(10)

    let target: Target
    private let group: any EventLoopGroup
    /// Nil without TLS.
    private let trust: TLSConfiguration?

    /// - Parameter authorities: a PEM file of authorities to trust in addition to the machine's.
    init(
        _ target: Target,
        isInsecure: Bool = false,
        authorities: String? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.target = target
        self.group = group
        var trust = TLSConfiguration.makeClientConfiguration()
        if isInsecure { trust.certificateVerification = .none }
        if let authorities { trust.additionalTrustRoots = [.file(authorities)] }
        self.trust = target.isSecure ? trust : nil
    }

    /// Connects.
    ///
    /// - Parameter alpn: the protocols to offer.
    /// - Throws: ``DialFailure``, or `CancellationError`.
    func connect(alpn: [String] = ["http/1.1"]) async throws -> Wire {
        do {
            return try await open(alpn) { context, name in try NIOSSLClientHandler(context: context, serverHostname: name) }
        } catch DialFailure.untrusted {
            throw try await validityFailure() ?? .untrusted
        }
    }

    /// Returns whether a rejected certificate is expired or not yet valid; nil if the dates were not the reason. Connects without verification and
    /// sends nothing.
    private func validityFailure() async throws -> DialFailure? {
        let dates = Certificates()
        let wire = try await open(["http/1.1"]) { context, name in
            try NIOSSLClientHandler(
                context: context,
                serverHostname: name,
                customVerificationCallback: { certificates, promise in
                    dates.keep(certificates)
                    promise.succeed(.certificateVerified)
                }
            )
        }
        wire.close()
        return dates.failure(at: .now)
    }

    private func open(
        _ alpn: [String],
        _ makeHandler: @escaping @Sendable (NIOSSLContext, String?) throws -> NIOSSLClientHandler
    ) async throws -> Wire {
        let (events, continuation) = AsyncStream.makeStream(of: WireEvent.self)
        let channel = try await channel(alpn, makeHandler, continuation)
        let timer = channel.eventLoop.scheduleTask(in: Self.patience) { _ = continuation.yield(.deadline(0)) }
        defer { timer.cancel() }
        var iterator = events.makeAsyncIterator()
        while let event = await iterator.next(isolation: #isolation) {
            switch event {
            case .ready(let alpn): return Wire(alpn: alpn, channel: channel, events: iterator, deadlines: continuation)
            case .closed(let error, _): throw DialFailure(handshaking: error)
            case .deadline:
                channel.close(promise: nil)
                throw DialFailure.timedOut
            // The peer cannot have sent data before the connection is ready.
            case .bytes, .enough: continue
            }
        }
        channel.close(promise: nil)
        throw CancellationError()
    }

    private func channel(
        _ alpn: [String],
        _ makeHandler: @escaping @Sendable (NIOSSLContext, String?) throws -> NIOSSLClientHandler,
        _ events: AsyncStream<WireEvent>.Continuation
    ) async throws -> any Channel {
        let context: NIOSSLContext?
        do {
            context = try trust.map { trust in
                var configuration = trust
                configuration.applicationProtocols = alpn
                return try NIOSSLContext(configuration: configuration)
            }
        } catch {
            throw DialFailure.other("TLS cannot be set up: \(error)")
        }
        // SNI excludes IP addresses; the certificate is compared with the address anyway.
        let isAddress = (try? SocketAddress(ipAddress: target.host, port: target.port)) != nil
        let name = isAddress ? nil : target.host
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(Self.patience)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handlers = channel.pipeline.syncOperations
                        if let context { try handlers.addHandler(makeHandler(context, name)) }
                        try handlers.addHandler(WireRecorder(isSecure: context != nil, events: events))
                    }
                }
                .connect(host: target.host, port: target.port)
                .get()
        } catch {
            throw DialFailure(connecting: error)
        }
    }
}

/// Keeps the validity of the peer's leaf certificate.
private final class Certificates: Sendable {
    private let leaf = Mutex<(from: Int64, through: Int64)?>(nil)

    func keep(_ shown: [NIOSSLCertificate]) {
        leaf.withLock { $0 = shown.first.map { (Int64($0.notValidBefore), Int64($0.notValidAfter)) } }
    }

    func failure(at now: Timestamp) -> DialFailure? {
        guard let (from, through) = leaf.withLock({ $0 }) else { return nil }
        let (begin, end) = (Timestamp(millisecondsSinceEpoch: from * 1000), Timestamp(millisecondsSinceEpoch: through * 1000))
        return now < begin ? .notYetValid(until: begin) : now > end ? .expired(since: end) : nil
    }
}
