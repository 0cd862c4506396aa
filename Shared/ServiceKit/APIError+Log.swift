public import EventLog
public import HTTPAPI

extension APIError {
    /// `Retry-After` when the log or the bus did not answer, in seconds.
    private static let retryAfter = 1

    /// `Retry-After` when the log is full, in seconds.
    private static let retryAfterFull = 30

    /// 503: the log is full at present.
    public static let logIsFull = APIError.serviceUnavailable(
        "The event log is full. Retry later.",
        retryAfter: retryAfterFull
    )

    /// 500: the log refuses events until an operator changes the bus.
    public static let logRefuses = APIError.internal(
        """
        The event log refuses what this request would store, and will until its operator changes something on the bus: do not repeat the request, \
        report its X-Request-Id.
        """
    )

    /// Converts an error of the log: 503 only where a retry may succeed, 413 where the bus's limit is smaller than ours, otherwise `internal`.
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
