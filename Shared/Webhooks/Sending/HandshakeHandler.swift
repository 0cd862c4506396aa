import NIOCore
import NIOSSL
import NIOTLS

/// Waits for TLS, and verifies the certificate's names before anything is sent (event loop).
///
/// NIOSSL accepts a certificate for the *address* of the connection in place of one for the host's name. An attacker who directs a name to
/// another machine by forged DNS can have a valid certificate for that machine's address. So a host with a name must have it among the
/// certificate's DNS names.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    /// Why there is no TLS.
    enum Failure: Error, Hashable {
        /// The certificate is not valid for the host, or there is no common version of TLS.
        case untrusted
        /// The connection ended.
        case cutOff
        /// The deadline passed.
        case timedOut
    }

    /// The host's name in lower case; nil for an address, which NIOSSL compares.
    private let name: String?
    private let deadline: NIODeadline
    private var promise: EventLoopPromise<Void>?
    private var timer: Scheduled<Void>?

    /// - Parameter promise: succeeds when the connection is verified, fails with a ``Failure`` when it is closed.
    init(name: String?, deadline: NIODeadline, promise: EventLoopPromise<Void>) {
        self.name = name
        self.deadline = deadline
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            handler.fail(.timedOut, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            guard isForHost(context) else { return fail(.untrusted, context) }
            finish()?.succeed()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack.contains(.eofDuringHandshake): fail(.cutOff, context)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: fail(.untrusted, context)
        default: fail(.cutOff, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.cutOff, context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish()?.fail(Failure.cutOff) }

    private func isForHost(_ context: ChannelHandlerContext) -> Bool {
        guard let name else { return true }
        guard let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate() else { return false }
        return certificate._subjectAlternativeNames().contains { found in
            found.nameType == .dnsName && CertificateName.covers(String(decoding: Array(found.contents), as: UTF8.self), name)
        }
    }

    private func fail(_ failure: Failure, _ context: ChannelHandlerContext) {
        finish()?.fail(failure)
        context.close(promise: nil)
    }

    /// Ends the wait; nil when it has ended.
    private func finish() -> EventLoopPromise<Void>? {
        timer?.cancel()
        timer = nil
        defer { promise = nil }
        return promise
    }
}

/// Compares the names of certificates (RFC 9525 §6.3).
enum CertificateName {
    /// Returns whether a certificate's DNS name is that of a host: equal, or `*` for exactly the host's first label.
    ///
    /// - Parameter host: in lower case.
    static func covers(_ name: String, _ host: String) -> Bool {
        let name = name.lowercased()
        guard name.hasPrefix("*.") else { return name == host }
        guard let dot = host.firstIndex(of: "."), dot > host.startIndex else { return false }
        let parent = name.dropFirst(1)
        // A wildcard for a whole top-level domain is no certificate that a host may have.
        return parent.dropFirst().contains(".") && !parent.contains("*") && parent == host[dot...]
    }
}
