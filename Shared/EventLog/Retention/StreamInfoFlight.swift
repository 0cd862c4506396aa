import Basics
import NATSClient

/// Single-flight for `STREAM.INFO`: concurrent callers share one request, and no caller gets an answer that was requested before it asked.
///
/// Requests of one process are at least ``pace`` apart, so that no number of clients makes more than some hundred of them a second.
actor StreamInfoFlight {
    private let request: @Sendable () async -> Result<StreamInfo, EventLogError>
    private var current: Task<Result<StreamInfo, EventLogError>, Never>?
    private var next: Task<Result<StreamInfo, EventLogError>, Never>?
    private var sentAt: ContinuousClock.Instant?

    private static let pace: Duration = .milliseconds(2)

    init(_ request: @escaping @Sendable () async -> Result<StreamInfo, EventLogError>) {
        self.request = request
    }

    /// The stream as it is at this call or later.
    func info() async throws(EventLogError) -> StreamInfo {
        if let next { return try await next.value.get() }
        let task: Task<Result<StreamInfo, EventLogError>, Never>
        if current == nil, sentAt.map({ $0.duration(to: .now) >= Self.pace }) ?? true {
            task = send()
        } else {
            let before = current
            task = Task {
                _ = await before?.value
                if let sentAt = self.sentAt { try? await Task.sleep(until: sentAt.advanced(by: Self.pace), clock: .continuous) }
                return await self.sendNext()
            }
            next = task
        }
        return try await task.value.get()
    }

    /// Those who waited together become those who are answered.
    private func sendNext() async -> Result<StreamInfo, EventLogError> {
        next = nil
        return await send().value
    }

    private func send() -> Task<Result<StreamInfo, EventLogError>, Never> {
        sentAt = .now
        let task = Task { [request] in
            let result = await request()
            self.current = nil
            return result
        }
        current = task
        return task
    }
}
