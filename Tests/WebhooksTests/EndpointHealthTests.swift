import Basics
import Testing

@testable import Webhooks

/// The states of an endpoint, and what follows from each outcome in each of them.
@Suite("Endpoint health") struct EndpointHealthTests {
    typealias State = EndpointHealth.State

    private static let start = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    private static func after(_ seconds: Double) -> Timestamp { start.advanced(by: .milliseconds(Int64(seconds * 1000))) }
    private static func trouble(_ failures: Int, retryAfter seconds: Double, since: Timestamp = start) -> EndpointHealth.Trouble {
        EndpointHealth.Trouble(since: since, failures: failures, retryAt: after(seconds))
    }

    private static func answer(_ status: Int, retryAfter: Int? = nil) -> AttemptOutcome {
        .answered(.init(status: status, retryAfter: retryAfter.map { .seconds($0) }))
    }

    /// A state, an outcome at ``start`` in the middle of the jitter, and what follows.
    struct Case: Sendable, CustomTestStringConvertible {
        var state: State
        var outcome: AttemptOutcome
        var next: State
        var step: EndpointHealth.Step

        init(_ state: State, _ outcome: AttemptOutcome, _ next: State, _ step: EndpointHealth.Step) {
            self.state = state
            self.outcome = outcome
            self.next = next
            self.step = step
        }

        var testDescription: String { "\(state), \(outcome)" }
    }

    private static let disabled = State.disabled(.failed, at: after(-9))
    private static let long = start.advanced(by: .zero - RetrySchedule.total)

    static let cases: [Case] = [
        // A success leads to enabled, from wherever something is sent.
        Case(.pending(trouble(0, retryAfter: 0)), answer(200), .enabled, .proceed),
        Case(.pending(trouble(5, retryAfter: 0)), answer(204), .enabled, .proceed),
        Case(.enabled, answer(299), .enabled, .proceed),
        Case(.failing(trouble(9, retryAfter: 0)), answer(202), .enabled, .proceed),
        // A failure of any kind is a step of the schedule.
        Case(.pending(trouble(0, retryAfter: 0)), answer(500), .pending(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(500), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(199), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(300), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(301), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(404), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, answer(429), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, .failed(.timedOut), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.enabled, .failed(.refused(.address(.private))), .failing(trouble(1, retryAfter: 5)), .retry(at: after(5))),
        Case(.failing(trouble(1, retryAfter: 0)), .failed(.unreachable), .failing(trouble(2, retryAfter: 300)), .retry(at: after(300))),
        Case(.failing(trouble(8, retryAfter: 0)), answer(400), .failing(trouble(9, retryAfter: 86_400)), .retry(at: after(86_400))),
        // The ninth retry was the last one.
        Case(.failing(trouble(9, retryAfter: 0)), answer(500), .disabled(.failed, at: start), .disable(.failed)),
        Case(.pending(trouble(9, retryAfter: 0)), .failed(.cutOff), .disabled(.failed, at: start), .disable(.failed)),
        // 410 disables at once.
        Case(.pending(trouble(0, retryAfter: 0)), answer(410), .disabled(.gone, at: start), .disable(.gone)),
        Case(.enabled, answer(410), .disabled(.gone, at: start), .disable(.gone)),
        Case(.failing(trouble(3, retryAfter: 0)), answer(410), .disabled(.gone, at: start), .disable(.gone)),
        // Waiting as asked is no step, and lasts no longer than the schedule.
        Case(.enabled, answer(429, retryAfter: 60), .failing(trouble(0, retryAfter: 63)), .retry(at: after(63))),
        Case(
            .failing(trouble(2, retryAfter: 0)),
            answer(503, retryAfter: 7),
            .failing(trouble(2, retryAfter: 7.35)),
            .retry(at: after(7.35))
        ),
        Case(
            .pending(trouble(1, retryAfter: 0)),
            answer(503, retryAfter: 0),
            .pending(trouble(1, retryAfter: 1.05)),
            .retry(at: after(1.05))
        ),
        Case(
            .failing(trouble(9, retryAfter: 0, since: long)),
            answer(429, retryAfter: 60),
            .disabled(.failed, at: start),
            .disable(.failed)
        ),
        // An attempt that was not made changes nothing.
        Case(.pending(trouble(1, retryAfter: 0)), .postponed, .pending(trouble(1, retryAfter: 0)), .hold),
        Case(.enabled, .postponed, .enabled, .hold),
        Case(.failing(trouble(1, retryAfter: 0)), .postponed, .failing(trouble(1, retryAfter: 0)), .hold),
        Case(disabled, .postponed, disabled, .hold),
        // Nothing is sent to a disabled endpoint: such an outcome is of an attempt that no longer counts.
        Case(disabled, answer(500), disabled, .hold),
        Case(disabled, answer(410), disabled, .hold),
    ]

    @Test("What follows from an outcome", arguments: cases)
    func outcome(_ row: Case) {
        var health = EndpointHealth(row.state)
        let step = health.attemptEnded(row.outcome, in: health.round, at: Self.start, random: 0.5)
        #expect(step == row.step)
        #expect(health.state == row.next)
    }

    @Test(
        "What is due",
        arguments: [
            (State.pending(trouble(0, retryAfter: 0)), EndpointHealth.Due.ping), (.pending(trouble(1, retryAfter: 5)), .later(after(5))),
            (.enabled, .events), (.failing(trouble(1, retryAfter: 0)), .oldestEvent),
            (.failing(trouble(1, retryAfter: 0.001)), .later(after(0.001))),
            (disabled, .never),
        ]
    )
    func due(_ state: State, _ due: EndpointHealth.Due) { #expect(EndpointHealth(state).due(at: Self.start) == due) }

    /// Sixteen deliveries that are under way when a receiver goes down are one failure.
    @Test func failuresOfOneRoundCountOnce() {
        var health = EndpointHealth(.enabled)
        let round = health.round
        #expect(health.attemptEnded(.failed(.unreachable), in: round, at: Self.start, random: 0.5) == .retry(at: Self.after(5)))
        for _ in 2...16 { #expect(health.attemptEnded(.failed(.unreachable), in: round, at: Self.start, random: 0.5) == .hold) }
        #expect(health.state == .failing(Self.trouble(1, retryAfter: 5)))
        // A late success is a delivery, but not the end of the trouble: the oldest event may fail for its content.
        #expect(health.attemptEnded(Self.answer(200), in: round, at: Self.start, random: 0.5) == .proceed)
        #expect(health.state == .failing(Self.trouble(1, retryAfter: 5)))
        // Nor does a late 410 or a wait decide.
        #expect(health.attemptEnded(Self.answer(410), in: round, at: Self.start, random: 0.5) == .hold)
        #expect(health.attemptEnded(Self.answer(429, retryAfter: 9), in: round, at: Self.start, random: 0.5) == .hold)
        #expect(health.attemptEnded(Self.answer(200), in: health.round, at: Self.after(5), random: 0.5) == .proceed)
        #expect(health.state == .enabled)
    }

    @Test func anEndpointThatNeverAnswersIsDisabledOnceAfterNineRetries() {
        var health = EndpointHealth(registeredAt: Self.start)
        var now = Self.start
        var attempts = 0
        while true {
            attempts += 1
            #expect(health.due(at: now) == .ping)
            switch health.attemptEnded(.failed(.timedOut), in: health.round, at: now, random: 0.5) {
            case .retry(let time): now = time
            case .disable(.failed):
                #expect(attempts == 10)
                #expect(now == Self.start.advanced(by: RetrySchedule.total))
                #expect(health.due(at: now) == .never)
                #expect(health.disable(.requested, at: now) == .hold, "it is announced once")
                #expect(health.state == .disabled(.failed, at: now))
                return
            case let step:
                Issue.record("\(step)")
                return
            }
        }
    }

    /// A receiver that asks for a second again and again is tried for as long as one that fails, and no longer.
    @Test func aReceiverCannotAskForEver() {
        var health = EndpointHealth(.enabled)
        var now = Self.start
        var attempts = 0
        while attempts < 1_000_000 {
            attempts += 1
            let step = health.attemptEnded(Self.answer(429, retryAfter: 60), in: health.round, at: now, random: 0)
            guard case .retry(let time) = step else { break }
            now = time
        }
        #expect(health.state == .disabled(.failed, at: now))
        let total = Self.start.advanced(by: RetrySchedule.total)
        #expect(now >= total && now < total.advanced(by: .seconds(61)))
    }

    @Test func enablingBeginsWithAPing() {
        var disabled = EndpointHealth(Self.disabled)
        let round = disabled.round
        disabled.enable(at: Self.start)
        #expect(disabled.due(at: Self.start) == .ping)
        #expect(disabled.attemptEnded(Self.answer(200), in: round, at: Self.start, random: 0) == .proceed)
        #expect(disabled.due(at: Self.start) == .ping, "the outcome was of an attempt before it was disabled")

        var failing = EndpointHealth(.failing(Self.trouble(7, retryAfter: 50_000)))
        failing.enable(at: Self.start)
        #expect(failing.state == .pending(Self.trouble(0, retryAfter: 0)))

        var enabled = EndpointHealth(.enabled)
        enabled.enable(at: Self.start)
        #expect(enabled.state == .enabled)
        #expect(enabled.disable(.requested, at: Self.start) == .disable(.requested))
    }
}
