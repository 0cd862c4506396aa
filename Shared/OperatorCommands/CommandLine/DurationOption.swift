import ArgumentParser
import Basics

/// Parses option values that are durations.
package enum DurationOption {
    /// Parses `30s`, `5m`, `1h`; throws an error message for anything else.
    @Sendable package static func parse(_ text: String) throws -> Duration {
        guard let duration = DurationText.parse(text), duration > .zero else {
            throw ArgumentParser.ValidationError("'\(text)' is not a duration: use a form such as 500ms, 30s, 5m, 1h or 7d")
        }
        return duration
    }
}
