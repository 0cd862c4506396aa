import Basics
import EdgeRuntime
import HTTPAPI
import ServiceKit

/// The parsed query of a long poll: maximum number of events, and waiting time. Contract §15.
struct LongPollQuery: Sendable, Equatable {
    /// Allowed values of `limit`: events per response.
    static let limits = 1...1000
    /// Allowed values of `wait`. The maximum is below the usual idle timeouts of proxies.
    static let waits: ClosedRange<Duration> = .zero ... .seconds(60)
    /// Maximum size of a response, in bytes.
    static let maximumBytes = 1024 * 1024
    /// Maximum size of an encoded event, in bytes: a payload of 256 KiB and its envelope.
    private static let largestEvent = 257 * 1024

    /// Maximum number of events in the response.
    let limit: Int
    /// Time limit for waiting for the first event.
    let wait: Duration

    /// Parses `limit` (default 100) and `wait` (default 30 s, so that a client that polls without parameters sends two requests a minute).
    ///
    /// - Throws: `validation_error`.
    init(_ query: QueryParameters) throws(APIError) {
        let limit = try query.value("limit") ?? "100"
        let wait = try query.value("wait") ?? "30s"
        guard limit.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(limit), Self.limits.contains(count) else {
            throw .validation("limit: must be a whole number from 1 to 1000.")
        }
        guard let duration = DurationText.parse(wait), Self.waits.contains(duration) else {
            throw .validation("wait: must be a length of time from 0s to 60s, for example 30s or 500ms.")
        }
        self.limit = count
        self.wait = duration
    }

    /// The end of the response, as a delivery loop's policy.
    var end: EndPolicy {
        .afterBatch(BatchLimits(entries: self.limit, bytes: Self.maximumBytes - Self.largestEvent, wait: self.wait))
    }
}
