import Basics
import EventModel

/// An approval: its `approval.requested`, and its decision and effect from the log.
struct Approval: Sendable, Equatable {
    /// The request.
    struct Request: Sendable, Equatable {
        var tenant: Tenant
        var approvalID: ApprovalID
        var remediationID: RemediationID
        var incidentID: IncidentID?
        var title: String?
        /// The only user of the request, its decision and its effect; nil for everyone in the tenant (contract §12).
        var user: UserID?
        /// The requester; nil when absent, or not a valid user.
        var requestedBy: UserID?
        /// The time of the event.
        var requestedAt: Timestamp
        var expiry: Expiry
        /// Whether another user than the requester must decide.
        var fourEyes: Bool
        var place: LogPlace
    }

    var request: Request
    var decision: Decided?
    var effect: Effect?

    /// The approval's status.
    var status: ApprovalStatus { decision?.decision.action.status ?? .pending }
}

extension Approval {
    /// When an approval expires.
    enum Expiry: Sendable, Equatable {
        case never
        case at(Timestamp)

        /// Returns whether it has expired.
        func hasPassed(by now: Timestamp) -> Bool {
            switch self {
            case .never: false
            case .at(let time): time <= now
            }
        }
    }

    /// A decision, as stored in the log.
    struct Decided: Sendable, Equatable {
        /// The event's id, by which a retried request recognises its own decision.
        var eventID: EventID
        var decision: Decision
        var place: LogPlace
    }

    /// The stored effect of a decision.
    struct Effect: Sendable, Equatable {
        var typeName: String
        var time: Timestamp
        var place: LogPlace
    }
}

/// A place in the log: with the log's epoch it makes up a cursor.
struct LogPlace: Sendable, Equatable {
    var sequence: UInt64
    var intake: Timestamp

    init(sequence: UInt64, intake: Timestamp) {
        self.sequence = sequence
        self.intake = intake
    }
}

extension Approval.Request {
    /// The type of the request event.
    static let typeName = type.name
    /// The same as a type.
    static let type = EventCatalogue.approvalRequest
    /// Maximum title length in bytes of UTF-8: the intake's limit, also applied to events from the bus.
    static let maximumTitleBytes = 2_048

    /// Parses an `approval.requested`; nil for other events, and for invalid identifiers (contract §0).
    ///
    /// Fails closed: a malformed `fourEyes` counts as true, and a malformed `expiresAt` as expired. A producer's error then costs an approval and not
    /// an outage.
    init?(_ event: Event, at place: LogPlace) {
        let payload = event.payload
        guard event.type.name == Self.typeName,
            let approvalID = payload.string("approvalId").flatMap({ try? ApprovalID($0) }),
            let remediationID = payload.string("remediationId").flatMap({ try? RemediationID($0) })
        else { return nil }
        let incident = payload.string("incidentId")
        let incidentID = incident.flatMap { try? IncidentID($0) }
        // The decision and its effect would repeat it.
        guard incident == nil || incidentID != nil else { return nil }
        self.init(
            tenant: event.tenant,
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: incidentID,
            title: payload.string("title")?.bounded(toBytes: Self.maximumTitleBytes),
            user: event.user,
            requestedBy: payload.string("requestedBy").flatMap { try? UserID($0) },
            requestedAt: event.time,
            expiry: Self.expiry(payload),
            fourEyes: Self.isSet("fourEyes", in: payload),
            place: place
        )
    }

    private static func expiry(_ payload: Payload) -> Approval.Expiry {
        guard let kind = payload.kind(of: "expiresAt"), kind != .null else { return .never }
        return .at(payload.string("expiresAt").flatMap { Timestamp(rfc3339: $0) } ?? Timestamp(millisecondsSinceEpoch: 0))
    }

    private static func isSet(_ name: String, in payload: Payload) -> Bool {
        guard let kind = payload.kind(of: name), kind != .null else { return false }
        return payload.boolean(name) ?? true
    }
}
