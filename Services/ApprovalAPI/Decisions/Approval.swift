import Basics
import EventModel

/// An approval: its `approval.requested` and what the log holds about it since.
struct Approval: Sendable, Equatable {
    /// What was asked.
    struct Request: Sendable, Equatable {
        var tenant: Tenant
        var approvalID: ApprovalID
        var remediationID: RemediationID
        var incidentID: IncidentID?
        var title: String?
        /// The one user whom the request, its decision and its effect exist for; nil for everybody in the tenant (contract §12).
        var user: UserID?
        /// Who asked; nil when the request does not say, or names what cannot be a user.
        var requestedBy: UserID?
        /// The time of the event.
        var requestedAt: Timestamp
        var expiry: Expiry
        /// Whether requester and decider must differ.
        var fourEyes: Bool
        var place: LogPlace
    }

    var request: Request
    var decision: Decided?
    var effect: Effect?

    /// Where the approval stands.
    var status: ApprovalStatus { decision?.decision.action.status ?? .pending }
}

extension Approval {
    /// Until when an approval can be answered.
    enum Expiry: Sendable, Equatable {
        case never
        case at(Timestamp)

        /// Whether the time is over.
        func hasPassed(by now: Timestamp) -> Bool {
            switch self {
            case .never: false
            case .at(let time): time <= now
            }
        }
    }

    /// A decision in the log.
    struct Decided: Sendable, Equatable {
        /// The id of the event, by which a repeated request recognises its own.
        var eventID: EventID
        var decision: Decision
        var place: LogPlace
    }

    /// What followed from a decision.
    struct Effect: Sendable, Equatable {
        var typeName: String
        var time: Timestamp
        var place: LogPlace
    }
}

/// Where in the log something is: what its id on every surface is made of, beside the log's epoch.
struct LogPlace: Sendable, Equatable {
    var sequence: UInt64
    var intake: Timestamp

    init(sequence: UInt64, intake: Timestamp) {
        self.sequence = sequence
        self.intake = intake
    }
}

extension Approval.Request {
    /// The type of the event that asks.
    static let typeName = type.name
    /// The same as a type.
    static let type = EventCatalogue.approvalRequest
    /// The longest title that is kept, in bytes of UTF-8: what the intake allows, and no more of what came over the bus.
    static let maximumTitleBytes = 2_048

    /// Reads an `approval.requested`; nil for another event, and for one with an identifier that breaks the rules of contract §0.
    ///
    /// What is there to stop a decision stops it also when it is malformed: a `fourEyes` that is anything but false, and an `expiresAt` that is
    /// not a time, which has passed. A producer's slip then costs an approval and not an outage.
    init?(_ event: Event, at place: LogPlace) {
        let payload = event.payload
        guard event.type.name == Self.typeName,
            let approvalID = payload.string("approvalId").flatMap({ try? ApprovalID($0) }),
            let remediationID = payload.string("remediationId").flatMap({ try? RemediationID($0) })
        else { return nil }
        let incident = payload.string("incidentId")
        let incidentID = incident.flatMap { try? IncidentID($0) }
        // The decision and its effect would carry it on.
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
