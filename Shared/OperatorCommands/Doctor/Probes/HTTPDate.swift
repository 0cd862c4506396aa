import Basics
import EventModel

/// The time of a `Date` header, to the second, in the form that RFC 9110 §5.6.7 requires of senders.
struct HTTPDate: Sendable, Equatable {
    let moment: Timestamp

    /// Parses `Sun, 06 Nov 1994 08:49:37 GMT`.
    init?(_ text: String) {
        guard let moment = Timestamp(httpDate: text) else { return nil }
        self.moment = moment
    }

    /// Returns how far the sender's clock is ahead of `now`; zero within the second that it names.
    func lead(over now: Timestamp) -> Duration {
        let difference = moment.millisecondsSinceEpoch - now.millisecondsSinceEpoch
        return .milliseconds(difference < 0 ? min(0, difference + 999) : difference)
    }
}
