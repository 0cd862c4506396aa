import Basics

/// An `approval.requested`, as the intake takes it (contract §2, §12). Its rules are the server's: values are sent as they are given.
struct ApprovalRequest: Sendable {
    var approvalID: String
    var remediationID: String
    var incidentID: String?
    var title: String?
    var description: String?
    var risk: String?
    /// JSON, as all members below that are bytes.
    var action: [UInt8]?
    var requestedBy: String?
    var fourEyes = false
    var expiresAt: String?
    var groups: [UInt8]?
    var escalation: [UInt8]?
    var tenant: String?
    var user: String?

    /// The event's JSON.
    var event: [UInt8] {
        var payload: JSONObject = ["approvalId": .string(approvalID), "remediationId": .string(remediationID)]
        payload.append("incidentId", text: incidentID)
        payload.append("title", text: title)
        payload.append("description", text: description)
        payload.append("risk", text: risk)
        if let action { payload.append("action", .json(action)) }
        payload.append("requestedBy", text: requestedBy)
        if fourEyes { payload.append("fourEyes", true) }
        payload.append("expiresAt", text: expiresAt)
        if let groups { payload.append("groups", .json(groups)) }
        if let escalation { payload.append("escalation", .json(escalation)) }
        var event: JSONObject = ["type": "approval.requested", "payload": .object(payload)]
        event.append("tenant", text: tenant)
        event.append("user", text: user)
        return event.bytes
    }
}
