import Basics
import EventLog
import EventModel

/// An approval: its request, and what its records and the log say of it (contract §12).
struct Approval: Sendable, Equatable {
    var request: Request
    /// In the order of the records.
    var votes: [Vote] = []
    /// The steps that have come into force, by their number from 1.
    var escalations: [Int: Escalated] = [:]
    var decision: Decided?
    var consumption: Consumption?
    /// The approval's events that the log holds, by the name of their place.
    var announced: [String: Announced] = [:]
    /// The epoch of the log that holds them.
    var logEpoch: UInt16 = 0

    /// The approval's status.
    var status: ApprovalStatus { decision?.decision.action.status ?? .pending }

    /// The approval as it was when a vote had been stored, which did not decide it.
    func asOf(_ vote: Vote) -> Approval {
        var approval = self
        approval.votes.removeAll { $0.record > vote.record }
        approval.escalations = escalations.filter { $0.value.record < vote.record }
        approval.decision = nil
        approval.consumption = nil
        return approval
    }
}

extension Approval {
    /// The request.
    struct Request: Sendable, Equatable {
        var tenant: Tenant
        var approvalID: ApprovalID
        var remediationID: RemediationID
        var incidentID: IncidentID?
        var title: String?
        var description: String?
        var risk: String?
        /// What will be executed, as JSON; nil when the request names nothing, and in lists.
        var action: [UInt8]?
        /// The digest of ``action``; nil when the request names nothing.
        var actionDigest: ActionDigest?
        /// Who may see the request and all that follows from it (contract §12).
        var recipients = Recipients.everyone
        /// The requester; nil when absent, or not a valid user.
        var requestedBy: UserID?
        /// The time of the event.
        var requestedAt: Timestamp
        var expiry: Expiry
        /// Whether another user than the requester must decide.
        var fourEyes: Bool
        var policy: ApprovalPolicy
        /// The position of its event in the log.
        var event: Cursor
        /// The sequence of its record; 0 for a request that has none yet.
        var record: UInt64 = 0

        /// The place of its event in the log.
        var place: LogPlace { LogPlace(sequence: event.sequence, intake: event.time) }
    }

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

    /// The recorded decision.
    struct Decided: Sendable, Equatable {
        /// The event's id, by which a retried request recognises its own decision.
        var eventID: EventID
        var decision: Decision
        /// The sequence of its record.
        var record: UInt64
    }

    /// A step of the escalation in force.
    struct Escalated: Sendable, Equatable {
        var at: Timestamp
        /// The sequence of its record.
        var record: UInt64
    }

    /// An event of the approval in the log.
    struct Announced: Sendable, Equatable {
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
    /// The same for a description.
    static let maximumDescriptionBytes = 64 * 1024

    /// Parses an `approval.requested`; nil for other events, and for invalid identifiers, groups, too many recipients, or an action that
    /// has no digest.
    ///
    /// Fails closed: a malformed `fourEyes` counts as true, and a malformed `expiresAt` as expired. A producer's error then costs an approval and not
    /// an outage.
    ///
    /// - Parameter cursor: the event's position in the log.
    init?(_ event: Event, at cursor: Cursor) {
        let payload = event.payload
        guard event.type.name == Self.typeName,
            let approvalID = payload.string("approvalId").flatMap({ try? ApprovalID($0) }),
            let remediationID = payload.string("remediationId").flatMap({ try? RemediationID($0) }),
            let policy = try? ApprovalPolicy(payload, field: "payload"),
            let recipients = try? Recipients(ofRequestTo: event.user, policy, path: "payload")
        else { return nil }
        let incident = payload.string("incidentId")
        let incidentID = incident.flatMap { try? IncidentID($0) }
        // The decision and its effect would repeat it.
        guard incident == nil || incidentID != nil else { return nil }
        let action = Self.action(payload)
        let digest = action.flatMap { try? ActionDigest(of: $0[...], field: "payload.action") }
        guard (action == nil) == (digest == nil) else { return nil }
        self.init(
            tenant: event.tenant,
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: incidentID,
            title: payload.string("title")?.bounded(toBytes: Self.maximumTitleBytes),
            description: payload.string("description")?.bounded(toBytes: Self.maximumDescriptionBytes),
            risk: payload.string("risk").flatMap(ApprovalTerms.Risk.init(rawValue:))?.rawValue,
            action: action,
            actionDigest: digest,
            recipients: recipients,
            requestedBy: payload.string("requestedBy").flatMap { try? UserID($0) },
            requestedAt: event.time,
            expiry: Self.expiry(payload),
            fourEyes: Self.isSet("fourEyes", in: payload),
            policy: policy,
            event: cursor
        )
    }

    private static func action(_ payload: Payload) -> [UInt8]? {
        guard let kind = payload.kind(of: "action"), kind != .null else { return nil }
        return payload.json("action").map(Array.init)
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

extension Approval.Request {
    /// The groups that may decide from the beginning.
    var groups: [ApprovalGroup] { policy.baseSet }

    /// Whether one person decides, without votes: no groups, and nothing that adds some.
    var isDecidedAtOnce: Bool { policy.groups.isEmpty && policy.escalations.isEmpty }

    /// When a step of the escalation comes into force, counted from the intake of the request.
    ///
    /// - Parameter step: from 1.
    func escalates(at step: Int) -> Timestamp? {
        guard policy.escalations.indices.contains(step - 1) else { return nil }
        let after = policy.escalations[step - 1].after / .milliseconds(1)
        return Timestamp(millisecondsSinceEpoch: event.time.millisecondsSinceEpoch + Int64(after))
    }
}
