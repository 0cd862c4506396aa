import ArgumentParser
import Basics

/// Stores events at the intake (contract §10), each once: every event has an id, so that a request can be repeated within two minutes.
struct IntakeClient<C: Clock> where C.Duration == Duration {
    /// Why events were not stored.
    enum Failure: Error {
        /// The server refused the request; nothing of it was stored.
        case refused(ServerRefusal)
        /// No answer that is final within the time limit: it is unknown whether the events are stored.
        case unknown(String)
    }

    let clock: C
    /// Time limit for one request with its repetitions.
    let timeout: Duration
    /// Sends a request once.
    let send: (CausewayServer.Request) async throws(CausewayServer.Unreachable) -> CausewayServer.Answer
    /// Makes the sentence for an answer.
    let refusal: (CausewayServer.Answer) -> ServerRefusal

    /// Stores events in order and returns their cursors. Repeats the request while the server is away or asks to wait.
    ///
    /// - Throws: ``Failure``, or `CancellationError`.
    func store(_ events: [JSONObject]) async throws -> [String] {
        let body = JSONObject.Value.array(events.map { .object($0) })
        let request = CausewayServer.Request(method: .post, path: ["v1", "events"], body: body.bytes)
        let start = clock.now
        var backoff = Backoff(first: .milliseconds(200), longest: .seconds(5))
        while true {
            let answer: CausewayServer.Answer?
            let problem: String
            do throws(CausewayServer.Unreachable) {
                let received = try await send(request)
                (answer, problem) = (received, refusal(received).sentence)
            } catch {
                (answer, problem) = (nil, error.sentence)
            }
            if let answer, answer.isSuccess { return try CausewayServer.decode(PublishAnswer.self, answer.body).ids }
            // 500 is the bus's refusal until an operator reconfigures it.
            if let answer, answer.status == 500 || ServerRefusal.exitCode(status: answer.status) != Exit.unavailable {
                throw Failure.refused(refusal(answer))
            }
            let pause = max(backoff.pause(), answer?.retryAfter ?? .zero)
            guard start.duration(to: clock.now) + pause < timeout else { throw Failure.unknown(problem) }
            try await clock.sleep(for: pause)
        }
    }
}
