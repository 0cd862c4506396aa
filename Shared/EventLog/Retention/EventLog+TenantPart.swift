public import Basics
import EventModel
import NATSClient

/// What a stream holds of one tenant, and what it may hold of all, at one moment.
///
/// Without the size of the tenant's part, and its oldest message: JetStream counts messages by subject, not their bytes, and finds the oldest of a
/// subject by reading the stream from its beginning.
public struct TenantPart: Sendable, Hashable {
    /// Number of the tenant's messages.
    public var messages: UInt64
    /// When the oldest message of all tenants was stored: what was stored since is there, unless it was deleted. Nil for an empty stream.
    public var keptSince: Timestamp?
    /// The stream's limits.
    public var limits: LogResize.Limits
    /// Whether the stream drops its oldest messages, of any tenant, when it is full; it refuses new ones otherwise.
    public var dropsOldest: Bool
    /// How much of the size limit all tenants together use, in whole percent, rounded down; nil without a limit.
    public var filledPercent: Int?
}

extension EventLog {
    /// Returns the tenant's part of the log: its events and those of its executions.
    ///
    /// A few requests to the stream's leader, whatever the log holds.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func part(of tenant: Tenant) async throws(EventLogError) -> TenantPart {
        let token = SubjectToken.encode(tenant)
        let (alone, below) = EventMessage.filters(of: tenant)
        return try await part(configuration.streamName, try await streamInfo(), [alone, below, "executions.\(token).>"])
    }

    /// Returns the tenant's part of the approval records, requests, votes, escalations, decisions and consumptions; nil without a stream.
    ///
    /// - Throws: a retriable ``EventLogError`` when the bus is unreachable.
    public func approvalsPart(of tenant: Tenant) async throws(EventLogError) -> TenantPart? {
        let info: StreamInfo
        do throws(JetStreamError) {
            info = try await jetStream.streamInfo(EventLogConfiguration.approvalsName)
        } catch {
            guard error.code == .streamNotFound else { throw EventLogError(error) }
            return nil
        }
        return try await part(EventLogConfiguration.approvalsName, info, ["approvals.\(SubjectToken.encode(tenant)).>"])
    }

    private func part(_ stream: String, _ info: StreamInfo, _ filters: [String]) async throws(EventLogError) -> TenantPart {
        let limits = LogResize.Limits(info.configuration)
        let size = limits.maxBytes.flatMap { $0 > 0 ? Double($0) : nil }
        var part = TenantPart(
            messages: 0,
            keptSince: info.state.messages == 0 ? nil : info.state.firstTimestamp.map { Timestamp(serverNanoseconds: $0) },
            limits: limits,
            dropsOldest: info.configuration.discard == .old,
            filledPercent: size.map { min(100, Int(Double(info.state.bytes) / $0 * 100)) }
        )
        for filter in filters {
            do throws(JetStreamError) {
                // The server counts the messages of a filter when a consumer begins.
                var counter = ConsumerConfiguration.pull(from: .all, filter: filter)
                counter.inactiveThreshold = .seconds(1)
                let consumer = try await jetStream.createConsumer(stream: stream, counter)
                part.messages += consumer.pending
                // If this fails, the server deletes it after the threshold.
                try? await jetStream.deleteConsumer(stream: stream, consumer: consumer.name)
            } catch {
                throw EventLogError(error)
            }
        }
        return part
    }
}
