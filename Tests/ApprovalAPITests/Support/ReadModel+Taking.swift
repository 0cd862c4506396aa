import Basics
import EventLog
import EventModel

@testable import approval_api

/// Applies what the followers would apply.
extension ReadModel {
    /// Applies entries of the log, up to the last one.
    func take(_ entries: [LogEntry]) async throws {
        try await apply(entries.flatMap(LogChange.changes), position: entries.last?.sequence ?? 0, generation: generation)
    }

    /// Applies approval records, up to the last one.
    func take(_ records: [ApprovalRecord]) async throws {
        try await take(records.compactMap { ApprovalChange($0) }, through: records.last?.sequence ?? 0)
    }

    /// Applies delegations at the first places of the stream.
    func take(delegations: [Delegation]) async throws {
        let changes = zip(UInt64(1)..., delegations).map { place, delegation in ApprovalChange.delegation(delegation, place: place) }
        try await take(changes, through: UInt64(changes.count))
    }

    private func take(_ changes: [ApprovalChange], through position: UInt64) async throws {
        try await apply(
            { database in for change in changes { try change.write(to: database) } },
            of: .approvals,
            position: position,
            stamp: nil,
            generation: generation
        )
    }

    /// Applies a request of the log and its record.
    func take(recorded request: LogEntry, at record: UInt64? = nil) async throws {
        try await take([request])
        try await take([try Fixture.record(of: request, at: record)])
    }

    /// Applies entries of the log, and the records of those that are requests or decisions.
    func take(all entries: [LogEntry]) async throws {
        for entry in entries {
            try await take([entry])
            switch entry.event.type.name {
            case Approval.Request.typeName: try await take([try Fixture.record(of: entry)])
            case Decision.typeName: try await take([try Fixture.record(ofDecision: entry)])
            default: break
            }
        }
    }

    /// Applies read marks, each with its sequence in their stream.
    func take(_ marks: [(place: UInt64, mark: ReadMark)], position: UInt64, stamp: LogStamp? = nil) async throws {
        try await apply({ try ReadMark.write(marks, to: $0) }, of: .inbox, position: position, stamp: stamp, generation: generation)
    }

    /// Returns the viewer's list of approvals, newest first.
    func listed(
        for viewer: Viewer,
        _ status: ApprovalStatus? = nil,
        order: ApprovalOrder = .created,
        after: ApprovalListPlace? = nil,
        limit: Int = 50
    ) async throws -> [Approval] {
        try await approvals(for: viewer, status: status, order: order, after: after, limit: limit).items
    }
}
