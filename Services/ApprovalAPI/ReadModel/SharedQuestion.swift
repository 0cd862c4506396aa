/// A question that many ask at once and one answer serves, as long as it was put after all of them asked.
///
/// While an answer is under way, everybody who comes waits for the next one together: so the bus sees at most two questions at a time, and nobody
/// gets an answer that is older than the question.
actor SharedQuestion<Answer: Sendable> {
    private let question: @Sendable () async throws -> Answer
    private var current: Task<Answer, any Error>?
    private var next: Task<Answer, any Error>?

    init(_ question: @escaping @Sendable () async throws -> Answer) {
        self.question = question
    }

    /// Whether somebody waits for the next answer.
    var isAwaited: Bool { next != nil }

    /// The answer to the question, put now or later.
    func ask() async throws -> Answer {
        if let next { return try await next.value }
        if let current {
            let task = Task {
                _ = await current.result
                return try await self.putNext()
            }
            next = task
            return try await task.value
        }
        return try await put().value
    }

    /// Those who waited together become those who are answered.
    private func putNext() async throws -> Answer {
        next = nil
        return try await put().value
    }

    private func put() -> Task<Answer, any Error> {
        let task = Task { [question] in
            defer { current = nil }
            return try await question()
        }
        current = task
        return task
    }
}
