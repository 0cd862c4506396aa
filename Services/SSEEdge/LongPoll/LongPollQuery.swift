import Basics
import EdgeRuntime
import HTTPAPI
import ServiceKit

/// How much a long poll asks for, and how long it waits. Contract §15.
struct LongPollQuery: Sendable, Equatable {
    /// How many events one response may hold.
    static let limits = 1...1000
    /// How long a client may wait: not longer than what usually stands between a client and an edge keeps a quiet request.
    static let waits: ClosedRange<Duration> = .zero ... .seconds(60)
    /// A response has at most this many bytes.
    static let maximumBytes = 1024 * 1024
    /// The largest event: a payload of 256 KiB and what stands around it.
    private static let largestEvent = 257 * 1024

    /// The most events of the response.
    let limit: Int
    /// How long to wait for the first one.
    let wait: Duration

    /// Reads `limit`, 100 unless given, and `wait`, 30 s unless given: a client that asks again and again without parameters costs two requests a
    /// minute.
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

    /// When the response ends.
    var end: EndPolicy {
        .afterBatch(BatchLimits(entries: self.limit, bytes: Self.maximumBytes - Self.largestEvent, wait: self.wait))
    }
}
