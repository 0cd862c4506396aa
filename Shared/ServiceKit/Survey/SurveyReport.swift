import Basics
import FoundationEssentials

/// The report that each process which answers surveys publishes on ``subject``, as JSON: that it is there, or leaves.
///
/// From the reports the asking process knows which answers are missing.
package struct SurveyReport: Codable, Sendable, Hashable {
    /// The subject; core NATS, not stored.
    package static let subject = "causeway.survey.members"
    /// The size limit; longer messages are ignored.
    package static let maximumBytes = 1024
    /// The interval between reports.
    package static let interval: Duration = .seconds(5)

    /// The id of the process: a ULID, new with each start.
    package let instance: String
    /// Its program.
    package let program: String
    /// What it answers. Topics that this version does not know are left out.
    package let topics: [SurveyTopic]
    /// Whether this is its last report.
    package let isLeaving: Bool

    private enum CodingKeys: String, CodingKey {
        case instance, program, topics
        case isLeaving = "leaving"
    }

    /// Creates a report.
    package init(instance: String, program: String, topics: [SurveyTopic], isLeaving: Bool = false) {
        self.instance = instance
        self.program = program
        self.topics = topics
        self.isLeaving = isLeaving
    }

    /// Decodes the message on the bus.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        instance = try values.decode(String.self, forKey: .instance)
        program = try values.decode(String.self, forKey: .program)
        topics = try values.decode([String].self, forKey: .topics).compactMap { SurveyTopic(rawValue: $0) }
        isLeaving = try values.decode(Bool.self, forKey: .isLeaving)
    }

    /// Parses a report; nil if malformed.
    package init?(json: [UInt8]) {
        guard json.count <= Self.maximumBytes, (try? JSONDocument.check(json)) != nil,
            let report = try? JSONDecoder().decode(SurveyReport.self, from: Data(json)),
            Self.isInstance(report.instance), (1...64).contains(report.program.utf8.count)
        else { return nil }
        self = report
    }

    /// The report as JSON.
    package func json() throws -> [UInt8] { try Array(JSONEncoder().encode(self)) }

    /// Whether a text may be the id of a process: 1 to 32 letters and digits.
    package static func isInstance(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
    }
}
