/// The approvals of one measurement, in a separate tenant, so that its messages in the log can be counted (contract §7).
struct ApprovalBatch: Sendable {
    static let eventType = "approval.requested"
    /// The person who decides; a subject token.
    static let user = "load"
    private static let path = "/v1/notifications/approvals/"
    /// Number of approvals that are decided a second time, to check the refusal.
    private static let sampleSize = 20

    /// The tenant; a subject token.
    let tenant: String
    let approvals: [String]
    /// Whether the approvals have a group, so that each decision is a vote that completes it (contract §12).
    let hasGroup: Bool
    /// The token of an administrator of the tenant.
    private let token: String

    /// - Parameter tenant: needs no escaping in a subject, in JSON or in a path; unique on the bus.
    init(tenant: String, count: Int, hasGroup: Bool, secret: String) {
        self.tenant = tenant
        self.hasGroup = hasGroup
        approvals = (1...count).map { "apr-\($0)" }
        token = TokenMinter.mint(subject: Self.user, tenant: tenant, roles: ["admin"], secret: secret)
    }

    /// Returns the id of the event that requests an approval.
    func eventID(_ approval: String) -> String { "\(tenant)-\(approval)" }

    /// Returns the payload of that event.
    func payload(_ approval: String) -> [UInt8] {
        let group = hasGroup ? #","groups":[{"name":"people","roles":["admin"]}]"# : ""
        return Array(
            #"{"approvalId":"\#(approval)","remediationId":"rem-\#(approval)","incidentId":"inc-\#(approval)","title":"load"\#(group)}"#
                .utf8
        )
    }

    /// Returns one read of the last approval per client. It is answered when the server has read the log up to the approval.
    func looks(clients: Int) -> [Exchange] {
        guard let last = approvals.last else { return [] }
        let look = Exchange(request: request("GET", last, body: ""), status: 200, mark: mark(last))
        return Array(repeating: look, count: clients)
    }

    /// One decision per approval.
    var decisions: [Exchange] { approvals.map { decision($0, status: 200, mark: mark($0)) } }

    /// Repeated decisions of some approvals, evenly distributed; each must be refused.
    var repetitions: [Exchange] {
        stride(from: 0, to: approvals.count, by: max(1, approvals.count / Self.sampleSize)).map {
            decision(approvals[$0], status: 409, mark: #""already_resolved""#)
        }
    }

    private func decision(_ approval: String, status: Int, mark: String) -> Exchange {
        Exchange(request: request("POST", approval, body: #"{"action":"approve"}"#), status: status, mark: mark)
    }

    private func mark(_ approval: String) -> String { #""approvalId":"\#(approval)""# }

    private func request(_ method: String, _ approval: String, body: String) -> [UInt8] {
        var lines = ["\(method) \(Self.path)\(approval) HTTP/1.1", "host: 127.0.0.1", "authorization: Bearer \(token)"]
        if !body.isEmpty { lines += ["content-type: application/json", "content-length: \(body.utf8.count)"] }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }
}
