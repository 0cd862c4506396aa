public import HTTPAPI
import Synchronization

/// Holds what a service's routes need of the open log. Until the bus was reachable once, every request gets 503. Any thread.
public final class OpenedLog<Parts: Sendable>: Sendable {
    private let opened = Mutex<Parts?>(nil)

    /// Creates a holder without parts.
    public init() {}

    /// Makes the parts available, once the log is open.
    public func begin(_ parts: Parts) {
        opened.withLock { $0 = parts }
    }

    /// Returns the parts.
    ///
    /// - Throws: `service_unavailable` before the log is open.
    public func parts() throws(APIError) -> Parts {
        guard let parts = opened.withLock({ $0 }) else {
            throw .serviceUnavailable("The event log has not been reached yet. Retry in 1 s.", retryAfter: 1)
        }
        return parts
    }
}
