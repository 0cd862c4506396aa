import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension DialFailure {
    /// Classifies an error of connecting.
    init(connecting error: any Error) {
        guard let failure = error as? NIOConnectionError else {
            self = Self.code(of: error).map(Self.init(code:)) ?? .other("\(error)")
            return
        }
        // If a name has several addresses, a refusal tells more than a timeout.
        let causes = failure.connectionErrors.map { Self(connecting: $0.error) }
        self =
            causes.first { $0 == .refused } ?? causes.first
            ?? (failure.dnsAError != nil || failure.dnsAAAAError != nil ? .unknownName : .timedOut)
    }

    /// Classifies an error of the TLS handshake.
    init(handshaking error: (any Error)?) {
        guard let error else {
            self = .other("it was closed at once")
            return
        }
        if let extra = error as? NIOSSLExtraError, extra == .failedToValidateHostname {
            self = .wrongName
            return
        }
        let text = String(describing: error)
        switch text {
        case _ where text.contains("CERTIFICATE_VERIFY_FAILED"): self = .untrusted
        case _ where text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST"): self = .notTLS
        default: self = Self.code(of: error).map(Self.init(code:)) ?? .other(text)
        }
    }

    private init(code: CInt) {
        switch code {
        case ECONNREFUSED: self = .refused
        case ETIMEDOUT: self = .timedOut
        default: self = .other(String(cString: strerror(code)))
        }
    }

    private static func code(of error: any Error) -> CInt? {
        if case ChannelError.connectTimeout = error { return ETIMEDOUT }
        return (error as? IOError)?.errnoCode
    }
}
