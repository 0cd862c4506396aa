import Basics
import EventModel

/// The time of a `Date` header, to the second, in the form that RFC 9110 §5.6.7 requires of senders.
struct HTTPDate: Sendable, Equatable {
    let moment: Timestamp

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Parses `Sun, 06 Nov 1994 08:49:37 GMT`.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = Self.months.firstIndex(of: String(words[2])) else { return nil }
        let digits = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        guard let moment = Timestamp(rfc3339: "\(words[3])-\(digits)-\(words[1])T\(words[4])Z") else { return nil }
        self.moment = moment
    }

    /// Returns how far the sender's clock is ahead of `now`; zero within the second that it names.
    func lead(over now: Timestamp) -> Duration {
        let difference = moment.millisecondsSinceEpoch - now.millisecondsSinceEpoch
        return .milliseconds(difference < 0 ? min(0, difference + 999) : difference)
    }
}
