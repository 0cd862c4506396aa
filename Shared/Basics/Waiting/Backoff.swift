/// Growing pauses between attempts: each up to twice as long as the one before, with chance in it so that many who lost the same server do
/// not come back in step.
package struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var next: Duration

    package init(first: Duration = .milliseconds(20), longest: Duration = .seconds(1)) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// How long to wait before the next attempt.
    package mutating func pause() -> Duration {
        defer { next = min(next * 2, longest) }
        return next * Double.random(in: 0.5...1)
    }

    /// An attempt succeeded: the next failure is a new one.
    package mutating func reset() { next = first }
}
