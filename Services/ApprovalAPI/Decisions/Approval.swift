import Basics
import EventModel

/// An approval as its `approval.requested` describes it, and what the log holds about it since.
struct Approval: Sendable, Equatable {
    /// What was asked.
    struct Request: Sendable, Equatable {
        var tenant: String
        var approvalID: String
        var remediationID: String
        var incidentID: String?
        var title: String?
        var requestedBy: String?
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
    /// Reads an `approval.requested`.
    ///
    /// What is there to stop a decision stops it also when it is written wrongly: a `fourEyes` that is anything but false, and an
    /// `expiresAt` that is no time, which is over at once. The producer's slip then costs an approval and not an outage.
    init?(_ event: Event, at place: LogPlace) {
        guard event.type.name == "approval.requested", let approvalID = event.payload.string("approvalId"),
            let remediationID = event.payload.string("remediationId")
        else { return nil }
        self.init(
            tenant: event.tenant.text,
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: event.payload.string("incidentId"),
            title: event.payload.string("title"),
            requestedBy: event.payload.string("requestedBy"),
            requestedAt: event.time,
            expiry: Self.expiry(event.payload),
            fourEyes: Self.isSet("fourEyes", in: event.payload),
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
