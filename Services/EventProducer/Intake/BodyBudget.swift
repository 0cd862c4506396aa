import Synchronization

/// How many bytes of request bodies are in memory at a time, in the whole process.
///
/// A request reserves what its body may become before any of it is read; one that does not fit is refused at once, so that many large
/// requests cost refusals and not the process.
final class BodyBudget: Sendable {
    private let available: Mutex<Int>

    /// - Parameter bytes: the budget.
    init(bytes: Int) {
        available = Mutex(bytes)
    }

    /// Runs `body` with so many bytes reserved; nil, with nothing run, when they are not there.
    func withReserved<Result>(_ bytes: Int, _ body: () async throws -> Result) async rethrows -> Result? {
        let isReserved = available.withLock { available in
            guard bytes <= available else { return false }
            available -= bytes
            return true
        }
        guard isReserved else { return nil }
        defer { available.withLock { $0 += bytes } }
        return try await body()
    }
}
