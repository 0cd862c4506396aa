public import EventLog
public import HTTPAPI
public import NATSClient

extension APIError {
    /// Seconds after which a client should repeat a request that the log or the bus did not answer.
    private static let retryAfter = 1

    /// A failure of the log as a response: 503 only where the same request can succeed later, 413 where the bus has a smaller limit than we,
    /// otherwise `internal`.
    public init(_ error: EventLogError) {
        switch error.code {
        case _ where error.isRetriable, .cancelled, .closed:
            self = .serviceUnavailable("The event log is out of reach: repeat the request.", retryAfter: Self.retryAfter)
        case .tooLarge:
            self = .payloadTooLarge(error.message)
        default:
            self = .internal
        }
    }

    /// A failure of a stream of the bus as a response: 503 only where the same request can succeed later, otherwise `internal`.
    public init(_ error: JetStreamError) {
        switch error.code {
        case _ where error.isRetriable, .cancelled, .closed:
            self = .serviceUnavailable("The bus is out of reach: repeat the request.", retryAfter: Self.retryAfter)
        default:
            self = .internal
        }
    }
}
