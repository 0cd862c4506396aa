import Basics
import EventLog
import HTTPAPI
import ServiceKit

/// Read-your-writes barrier: waits until the read model has applied everything that the log had acknowledged when the request arrived, and
/// drops from it what the log no longer keeps.
///
/// Asks the log for its bounds and waits until the model has reached its end. So a client finds here at once what any edge told it, reads its own
/// writes on any replica, and gets no answer from a past that the log has dropped.
struct ReadBarrier: Sendable {
    private let model: ReadModel
    private let log: SingleFlight<LogRetention>
    private let inbox: SingleFlight<SideStreamBounds>
    private let approvals: SingleFlight<SideStreamBounds>
    /// How long a request waits for the model, which normally lags by milliseconds.
    private let patience: Duration

    init(model: ReadModel, log: EventLog, inbox: FollowedStream, approvals: FollowedStream, patience: Duration) {
        self.model = model
        self.patience = patience
        self.log = SingleFlight { try await log.retention() }
        self.inbox = SingleFlight { try await inbox.bounds() }
        self.approvals = SingleFlight { try await approvals.bounds() }
    }

    /// Waits until the model equals the log as of this call.
    ///
    /// - Returns: what the log keeps.
    /// - Throws: `service_unavailable`.
    @discardableResult
    func ofLog() async throws -> LogRetention {
        let (life, position) = (model.logLife, model.log.position)
        let kept: LogRetention
        do {
            kept = try await log.value()
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        // The log was truncated; the model is about to notice.
        guard model.logEpoch == kept.epoch, position <= kept.lastSequence else { throw Unavailable.because(model.trouble) }
        try await reach(kept.lastSequence, of: model.log)
        guard try await dropping({ try await model.drop(keeping: kept, life: life) }) else { throw Unavailable.catchingUp }
        return kept
    }

    /// Waits until the model has exactly the read marks of their stream as of this call.
    ///
    /// - Returns: what the stream keeps.
    /// - Throws: `service_unavailable`.
    @discardableResult
    func ofInbox() async throws -> SideStreamBounds { try await reach(.inbox, inbox) }

    /// Waits until the model has exactly the approval records of their stream as of this call.
    ///
    /// - Returns: what the stream keeps.
    /// - Throws: `service_unavailable`.
    @discardableResult
    func ofApprovals() async throws -> SideStreamBounds { try await reach(.approvals, approvals) }

    private func reach(_ source: ReadModel.SideSource, _ flight: SingleFlight<SideStreamBounds>) async throws -> SideStreamBounds {
        let gate = model.gate(of: source)
        let (life, position) = (model.life(of: source), gate.position)
        let bounds: SideStreamBounds
        do {
            bounds = try await flight.value()
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        guard position <= bounds.last else { throw Unavailable.because(model.trouble) }
        try await reach(bounds.last, of: gate)
        // The stream was deleted and created again, and may have reached the position of the former one; the follower is about to notice.
        guard model.created(of: source) == bounds.life else { throw Unavailable.because(model.trouble) }
        try await dropping { try await model.drop(source, before: bounds.first, life: life) }
        return bounds
    }

    private func reach(_ end: UInt64, of gate: PositionGate) async throws {
        // Do not wait for a file that cannot be written.
        if gate.position < end, let trouble = model.trouble, !trouble.isDamage { throw Unavailable.because(trouble) }
        guard await gate.wait(for: end, atMost: patience) else {
            try Task.checkCancellation()
            throw Unavailable.because(model.trouble)
        }
    }

    private func dropping<Value>(_ drop: () async throws -> Value) async throws -> Value {
        do {
            return try await drop()
        } catch let trouble as StorageTrouble {
            throw Unavailable.because(trouble)
        } catch is ReadModel.Recreated {
            throw Unavailable.catchingUp
        }
    }
}

/// Maps failures to responses: 503 where a retry may succeed, else the specific error (contract §1).
enum Unavailable {
    /// The response for a failed request to the log or a side stream.
    static func because(_ error: EventLogError) -> APIError { APIError(error) }

    /// The response for an unusable read model file; nil for one that lags.
    static func because(_ trouble: StorageTrouble?) -> APIError {
        switch trouble {
        case .full?: .serviceUnavailable("The disk of this process is full. Retry later, or tell the operator.", retryAfter: 5)
        case .unavailable?: .serviceUnavailable("This process cannot use its read model at the moment. Retry later.", retryAfter: 5)
        case .damaged?, nil: catchingUp
        }
    }

    /// The model is being built or rebuilt.
    static let catchingUp = APIError.serviceUnavailable("This process is still reading the event log. Retry in 1 s.", retryAfter: 1)
}
