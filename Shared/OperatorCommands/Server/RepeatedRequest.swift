import ArgumentParser

/// A request that is repeated through outages of the server.
enum RepeatedRequest {
    /// How one attempt ended.
    enum Outcome: Sendable {
        /// The body of a successful answer.
        case answered([UInt8])
        /// The server did not answer, or asked to try again later: the problem, and how long the server asks to wait.
        case unanswered(String, retryAfter: Duration?)
    }

    /// Sends the request once. An answer that may change later counts as no answer.
    ///
    /// - Throws: the exit code of the command, after printing an error message, when the server refuses for good.
    static func outcome(
        _ ask: () async throws(CausewayServer.Unreachable) -> CausewayServer.Answer,
        _ refusal: (CausewayServer.Answer) -> ServerRefusal
    ) async throws -> Outcome {
        let answer: CausewayServer.Answer
        do throws(CausewayServer.Unreachable) {
            answer = try await ask()
        } catch {
            return .unanswered(error.sentence, retryAfter: nil)
        }
        guard !answer.isSuccess else { return .answered(answer.body) }
        let refused = refusal(answer)
        guard refused.code == Exit.unavailable.rawValue else { throw refused.exit() }
        return .unanswered(refused.sentence, retryAfter: answer.retryAfter)
    }
}
