import ArgumentParser
import Basics
import EventModel
import Webhooks

/// Delivers messages to one receiver, each until it is taken. One task, so the order is the log's.
struct Forwarder<C: Clock>: Sendable where C.Duration == Duration {
    let clock: C
    let send: @Sendable (SignedMessage) async -> AttemptOutcome
    /// Receives a line for each delivery.
    let print: @Sendable (String) -> Void
    /// Receives a sentence for each failed attempt.
    let complain: @Sendable (String) -> Void

    /// Delivers a message: repeats the attempt with the same id until the answer is 2xx.
    ///
    /// - Throws: the exit code of the command when the receiver's address is refused; `CancellationError`.
    func deliver(_ event: PolledEvent) async throws {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(30))
        let name = "\(event.cursor)  \(event.type)"
        while true {
            let start = clock.now
            let outcome = await send(event.message)
            let time = Wording.show(start.duration(to: clock.now))
            var pause = backoff.pause()
            let problem: String
            switch outcome {
            case .answered(let answer) where answer.isSuccess: return print("\(name)  \(answer.status)  \(time)")
            case .answered(let answer):
                problem = "\(answer.status)"
                pause = max(pause, answer.retryAfter ?? .zero)
            case .failed(.refused(let refusal)):
                throw Exit.because("--forward-to: the host \(refusal.phrase); http is for this machine alone", Exit.configuration)
            case .failed(let failure): problem = failure.phrase
            case .postponed: throw CancellationError()
            }
            complain("\(name)  \(problem), after \(time); next attempt in \(Wording.show(pause))")
            try await clock.sleep(for: pause)
        }
    }
}
