public import Basics

/// The life of an endpoint (contract §14): a pure state machine that decides the next step from each outcome.
///
/// ```
/// pending ──2xx to a ping──► enabled ──failure──► failing ──2xx──► enabled
///    │                          │                    │
///    └── no retry left, 410 ────┴── 410 ─────────────┴── no retry left, 410 ──► disabled ── enable ──► pending
/// ```
///
/// While an endpoint is pending or failing it has one attempt at a time: the ping, or the oldest event that it has not taken. So the
/// schedule belongs to one message, also of an endpoint that takes up to 16 at once.
///
/// Times are milliseconds since 1970 UTC.
public struct EndpointHealth: Sendable, Hashable {
    /// The state, as it is stored.
    public enum State: Sendable, Hashable {
        /// It has not answered a `webhook.ping` yet: it gets nothing else. The next ping is due at `retryAt`.
        case pending(Trouble)
        /// It takes events.
        case enabled
        /// The last attempt failed. The next one is due at ``Trouble/retryAt``.
        case failing(Trouble)
        /// It gets nothing until an administrator enables it.
        case disabled(Reason, at: Timestamp)
    }

    /// Failures in a row.
    public struct Trouble: Sendable, Hashable {
        /// When the first of them happened; of a pending endpoint, when it became pending.
        public var since: Timestamp
        /// Number of failures that count for the schedule.
        public var failures: Int
        /// When the next attempt is due.
        public var retryAt: Timestamp

        /// Creates a value.
        public init(since: Timestamp, failures: Int, retryAt: Timestamp) {
            self.since = since
            self.failures = failures
            self.retryAt = retryAt
        }
    }

    /// Why an endpoint is disabled.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// It answered 410.
        case gone
        /// No retry is left.
        case failed
        /// An administrator disabled it.
        case requested
    }

    /// Names the state in which an attempt began. Outcomes of attempts from earlier states decide nothing: of 16 deliveries that fail
    /// together one counts.
    public struct Round: Sendable, Hashable {
        fileprivate var number: UInt64
    }

    /// What follows from an outcome.
    public enum Step: Sendable, Hashable {
        /// The message was delivered, or the endpoint answered its ping: go on behind it.
        case proceed
        /// Keep the message, and try again at this time.
        case retry(at: Timestamp)
        /// Keep the message: the state that has been reached since says when it is tried again.
        case hold
        /// The endpoint has just been disabled: publish `webhook.disabled`.
        case disable(Reason)
    }

    /// The state.
    public private(set) var state: State
    /// The state that the next attempt begins in.
    public private(set) var round = Round(number: 0)

    /// Resumes from a stored state. Attempts of other processes belong to no round of this value.
    public init(_ state: State) {
        self.state = state
    }

    /// A new endpoint: pending, and due at once.
    public init(registeredAt now: Timestamp) {
        self.init(.pending(Trouble(since: now, failures: 0, retryAt: now)))
    }

    /// The message that may be sent now.
    public enum Due: Sendable, Hashable {
        /// A `webhook.ping`.
        case ping
        /// The next events, as many at once as the endpoint takes.
        case events
        /// The oldest event that was not taken, alone.
        case oldestEvent
        /// Nothing before this time.
        case later(Timestamp)
        /// Nothing.
        case never
    }

    /// Returns what may be sent at `now`, if no attempt is under way.
    public func due(at now: Timestamp) -> Due {
        switch state {
        case .pending(let trouble): now < trouble.retryAt ? .later(trouble.retryAt) : .ping
        case .enabled: .events
        case .failing(let trouble): now < trouble.retryAt ? .later(trouble.retryAt) : .oldestEvent
        case .disabled: .never
        }
    }

    /// Applies the outcome of an attempt, and returns what follows.
    ///
    /// - Parameters:
    ///   - round: ``round`` when the attempt began.
    ///   - now: when it ended.
    ///   - random: in 0..<1, for the jitter.
    public mutating func attemptEnded(_ outcome: AttemptOutcome, in round: Round, at now: Timestamp, random: Double) -> Step {
        let isCurrent = round == self.round
        switch outcome {
        case .postponed: return .hold
        case .answered(let answer) where answer.isSuccess:
            if isCurrent, state != .enabled { become(.enabled) }
            return .proceed
        case .answered(let answer):
            guard isCurrent else { return .hold }
            if answer.status == 410 { return disable(.gone, at: now) }
            return fail(asked: answer.retryAfter, at: now, random: random)
        case .failed: return isCurrent ? fail(asked: nil, at: now, random: random) : .hold
        }
    }

    /// Starts again with a ping, now: for a disabled endpoint, and for one whose retry is far away. Without effect on an enabled one.
    public mutating func enable(at now: Timestamp) {
        if state != .enabled { become(.pending(Trouble(since: now, failures: 0, retryAt: now))) }
    }

    /// Disables an endpoint that is not.
    ///
    /// - Returns: ``Step/hold`` for one that is disabled already.
    @discardableResult
    public mutating func disable(_ reason: Reason, at now: Timestamp) -> Step {
        if case .disabled = state { return .hold }
        become(.disabled(reason, at: now))
        return .disable(reason)
    }

    private mutating func fail(asked: Duration?, at now: Timestamp, random: Double) -> Step {
        var trouble: Trouble
        switch state {
        case .pending(let known), .failing(let known): trouble = known
        case .enabled: trouble = Trouble(since: now, failures: 0, retryAt: now)
        case .disabled: return .hold
        }
        let delay: Duration
        if let asked {
            // Waiting as asked is not a step of the schedule: a receiver that limits its rate is not one that fails. The total wait is
            // bounded.
            guard now < trouble.since.advanced(by: RetrySchedule.total) else { return disable(.failed, at: now) }
            delay = RetrySchedule.delay(asked: asked, random: random)
        } else {
            trouble.failures += 1
            guard let next = RetrySchedule.delay(afterFailures: trouble.failures, random: random) else { return disable(.failed, at: now) }
            delay = next
        }
        trouble.retryAt = now.advanced(by: delay)
        if case .pending = state { become(.pending(trouble)) } else { become(.failing(trouble)) }
        return .retry(at: trouble.retryAt)
    }

    private mutating func become(_ state: State) {
        self.state = state
        round.number += 1
    }
}
