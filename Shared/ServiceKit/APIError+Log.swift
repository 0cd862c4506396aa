public import EventLog
public import HTTPAPI

extension APIError {
    /// Seconds after which a client should repeat a request that the log or the bus did not answer.
    private static let retryAfter = 1

    /// Seconds after which a client should repeat a request that the log has no room for.
    private static let retryAfterFull = 30

    /// A log that is full, though not for ever.
    public static let logIsFull = APIError.serviceUnavailable(
        "The event log is full. Retry later.",
        retryAfter: retryAfterFull
    )

    /// A log that takes nothing until somebody changes something on the bus.
    public static let logRefuses = APIError.internal(
        """
        The event log refuses what this request would store, and will until its operator changes something on the bus: do not repeat the request, \
        report its X-Request-Id.
        """
    )

    /// A failure of the log as a response: 503 only where the same request can succeed later, 413 where the bus has a smaller limit than we,
    /// otherwise `internal`.
    public init(_ error: EventLogError) {
        switch error.code {
        case .full: self = .logIsFull
        case .notWritable, .incompatibleStream: self = .logRefuses
        case _ where error.isRetriable, .cancelled, .closed:
            self = .serviceUnavailable("The event log is out of reach: repeat the request.", retryAfter: Self.retryAfter)
        case .tooLarge:
            self = .payloadTooLarge(error.message)
        default:
            self = .internal
        }
    }
}
