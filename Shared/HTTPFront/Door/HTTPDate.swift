package import Basics
import Synchronization

/// Formats the `Date` header of responses (RFC 9110 §5.6.7, IMF-fixdate), at most once a second. Any thread.
package final class HTTPDate: Sendable {
    private let clock: WallClock
    private let cached = Mutex<(second: Int64, text: String)>((.min, ""))

    /// - Parameter clock: milliseconds since 1970 UTC.
    package init(clock: @escaping WallClock = SystemClock.now) {
        self.clock = clock
    }

    /// The current time, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    package var now: String {
        let time = Timestamp(millisecondsSinceEpoch: clock())
        let second = time.millisecondsSinceEpoch / 1000
        return cached.withLock { cached in
            if cached.second != second { cached = (second, time.httpDate) }
            return cached.text
        }
    }
}
