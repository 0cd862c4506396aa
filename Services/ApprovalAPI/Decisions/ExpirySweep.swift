import HTTPAPI
import Logging

/// Expires approvals that nobody answered in time, so that what waits for them learns that it must not go ahead.
///
/// Every replica sweeps; the log takes one decision an approval, so it does not matter how many find the same one.
struct ExpirySweep: Sendable {
    let model: ReadModel
    let desk: DecisionDesk
    let interval: Duration
    let isFollowing: @Sendable () -> Bool
    let logger: Logger

    /// How many are expired before the next look.
    private static let batch = 100

    /// Sweeps until the task is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            // A model that is being made still takes for open what was answered long ago.
            if isFollowing() { await sweep() }
            // With chance in it, so that replicas do not all find the same ones.
            try? await Task.sleep(for: interval * Double.random(in: 0.5...1))
        }
    }

    private func sweep() async {
        do {
            guard try await !model.overdue(by: desk.now(), limit: 1).isEmpty else { return }
            // A request that has left the log is nobody's to expire.
            try await desk.freshness.ofLog()
            for approval in try await model.overdue(by: desk.now(), limit: Self.batch) where !Task.isCancelled {
                guard try await expire(approval) else { return }
            }
        } catch let error as APIError where error.code == .serviceUnavailable {
            // Tried again at the next sweep.
        } catch {
            logger.warning("approvals that are overdue cannot be found", metadata: ["error": "\(error)"])
        }
    }

    /// Expires one. Returns whether it is of use to try the next.
    private func expire(_ approval: Approval) async throws -> Bool {
        do {
            try await desk.expire(approval)
            return true
        } catch let error as APIError where error.code == .serviceUnavailable {
            return false
        } catch {
            // One that cannot be expired must not keep the others open.
            logger.warning(
                "an approval cannot be expired",
                metadata: ["log.sequence": "\(approval.request.place.sequence)", "error": "\(error)"]
            )
            return true
        }
    }
}
