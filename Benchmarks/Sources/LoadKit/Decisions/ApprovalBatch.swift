/// Approvals of one measurement, in a tenant of their own so that what the log holds of them can be counted (contract §7).
struct ApprovalBatch: Sendable {
    static let eventType = "approval.requested"
    private static let path = "/v1/notifications/approvals/"
    /// How many are decided a second time to see that they are refused.
    private static let sampleSize = 20

    /// A subject token.
    let tenant: String
    let approvals: [String]
    /// An administrator's of the tenant.
    private let token: String

    /// - Parameter tenant: must need no escaping in a subject, in JSON and in a path; no other run's on the same bus.
    init(tenant: String, count: Int, secret: String) {
        self.tenant = tenant
        approvals = (1...count).map { "apr-\($0)" }
        token = TokenMinter.mint(subject: "load", tenant: tenant, roles: ["admin"], secret: secret)
    }

    /// The id of the event that asks for an approval.
    func eventID(_ approval: String) -> String { "\(tenant)-\(approval)" }

    /// The payload of that event.
    func payload(_ approval: String) -> [UInt8] {
        Array(#"{"approvalId":"\#(approval)","remediationId":"rem-\#(approval)","incidentId":"inc-\#(approval)","title":"load"}"#.utf8)
    }

    /// Looks at the last approval, which is answered once the server has read the log up to it. One for each client.
    func looks(clients: Int) -> [Exchange] {
        guard let last = approvals.last else { return [] }
        let look = Exchange(request: request("GET", last, body: ""), status: 200, mark: mark(last))
        return Array(repeating: look, count: clients)
    }

    /// Decides every approval.
    var decisions: [Exchange] { approvals.map { decision($0, status: 200, mark: mark($0)) } }

    /// Decides some again, evenly spread, which must be refused.
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
