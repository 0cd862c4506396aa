import ArgumentParser
import Basics

/// A time in the past, of an option: an instant, or how long ago.
enum PastTime: Sendable, Hashable {
    case instant(Timestamp)
    case ago(Duration)

    /// Parses RFC 3339 with an offset, or a duration such as `10m`; throws an error message for anything else.
    @Sendable static func parse(_ text: String) throws -> PastTime {
        if let time = Timestamp(rfc3339: text) { return .instant(time) }
        guard let duration = DurationText.parse(text) else {
            throw ArgumentParser.ValidationError(
                "'\(text)' is not a time: use RFC 3339 with an offset, or how long ago, such as 10m, 1h or 2d"
            )
        }
        return .ago(duration)
    }

    /// The instant.
    func timestamp(at now: Timestamp) -> Timestamp {
        switch self {
        case .instant(let time): time
        case .ago(let duration): now.advanced(by: .zero - duration)
        }
    }
}
