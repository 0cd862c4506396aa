import Basics

/// How one attempt at a delivery ended.
public enum AttemptOutcome: Sendable, Hashable {
    /// The receiver answered, with any status.
    case answered(Answer)
    /// There was no answer.
    case failed(Failure)
    /// The attempt was not made, because the tenant or the host has as many as it may have, or it was cancelled. It says nothing about the
    /// endpoint.
    case postponed

    /// An answer.
    public struct Answer: Sendable, Hashable {
        /// The status code.
        public var status: Int
        /// The first ``maximumExcerptBytes`` of the body as text; what is not UTF-8, and control characters but line feeds and tabs, is
        /// replaced.
        public var excerpt: String
        /// How long the receiver asks to wait, with status 429 or 503; otherwise nil.
        public var retryAfter: Duration?

        /// The part of the body that is kept.
        public static let maximumExcerptBytes = 1024

        /// Creates an answer.
        public init(status: Int, excerpt: String = "", retryAfter: Duration? = nil) {
            self.status = status
            self.excerpt = excerpt
            self.retryAfter = retryAfter
        }

        /// Whether the delivery succeeded: 2xx and nothing else. A redirect is a failure: its target was not checked when the endpoint was
        /// registered.
        public var isSuccess: Bool { (200..<300).contains(status) }
    }

    /// Why there was no answer. ``phrase`` is for the endpoint's tenant: it names no address.
    public enum Failure: Sendable, Hashable {
        /// The URL is closed to webhooks: its scheme, or the address that it has as its host.
        case refused(AddressRules.Refusal)
        /// The host's name has no address, or one that is closed to webhooks: which of them is told to nobody.
        case unresolvable
        /// No connection: refused, reset or unreachable.
        case unreachable
        /// The certificate is not valid for the host, or there is no common version of TLS.
        case untrusted
        /// There was no complete answer in time.
        case timedOut
        /// The connection ended before the answer.
        case cutOff
        /// The answer is not HTTP/1.1.
        case malformed

        /// A name for metrics and programs.
        public var label: String {
            switch self {
            case .refused: "refused"
            case .unresolvable: "unresolvable"
            case .unreachable: "unreachable"
            case .untrusted: "untrusted"
            case .timedOut: "timed_out"
            case .cutOff: "cut_off"
            case .malformed: "malformed"
            }
        }

        /// The error message.
        public var phrase: String {
            switch self {
            case .refused(let refusal): "the host \(refusal.phrase)"
            case .unresolvable: "the host's name could not be resolved to addresses that webhooks are sent to"
            case .unreachable: "the host did not accept a connection"
            case .untrusted: "TLS failed: the certificate is not valid for the host, or there is no common version"
            case .timedOut: "there was no complete answer in time"
            case .cutOff: "the connection ended before the answer"
            case .malformed: "the answer is not HTTP/1.1"
            }
        }
    }
}
