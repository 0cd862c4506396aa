/// Exponential backoff with jitter, so that the clients of a lost server do not retry in step.
package struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var next: Duration

    package init(first: Duration = .milliseconds(20), longest: Duration = .seconds(1)) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// Returns the pause before the next attempt.
    package mutating func pause() -> Duration {
        defer { next = min(next * 2, longest) }
        return next * Double.random(in: 0.5...1)
    }

    /// Resets the pause after a success.
    package mutating func reset() { next = first }
}
