import Basics
import FoundationEssentials

/// The report that each dispatcher publishes to the others on ``subject``, as JSON: `{"member":"01K…","leaving":false}`.
struct MemberReport: Decodable, Hashable, Sendable {
    /// The subject; core NATS, not stored.
    static let subject = "causeway.webhooks.members"
    /// The size limit; longer messages are ignored.
    static let maximumBytes = 1024

    /// The id of the process.
    let member: String
    /// Whether this is its last report.
    let leaving: Bool

    init(_ member: MemberID, isLeaving: Bool = false) {
        self.member = member.text
        leaving = isLeaving
    }

    /// Parses a report; nil if malformed.
    init?(json: [UInt8]) {
        guard json.count <= Self.maximumBytes, (try? JSONDocument.check(json)) != nil,
            let report = try? JSONDecoder().decode(MemberReport.self, from: Data(json)),
            (1...MemberID.maximumBytes).contains(report.member.utf8.count)
        else { return nil }
        self = report
    }

    /// The report as JSON.
    var json: [UInt8] {
        let object: JSONObject = ["member": .string(member), "leaving": .boolean(leaving)]
        return object.bytes
    }
}
