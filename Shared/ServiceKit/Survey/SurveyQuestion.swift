package import Basics
import FoundationEssentials

/// What a survey asks about. Each topic has a subject on core NATS, to which the processes that answer it are subscribed.
package enum SurveyTopic: String, Codable, Sendable, CaseIterable {
    /// A tenant's connections. Edges answer.
    case connections
    /// A tenant's usage of its shares. Every service answers.
    case usage

    /// The subject of the questions.
    package var subject: String { "causeway.survey.\(rawValue)" }
}

/// A question about one tenant that one process asks all others, as JSON. Each answers within ``patience``, or not at all.
package struct SurveyQuestion: Codable, Sendable, Hashable {
    /// The size limit; longer messages are ignored.
    package static let maximumBytes = 4096
    /// The header of an answer that has the id of the process.
    package static let instanceHeader = "causeway-instance"
    /// How long the asking process waits for answers.
    package static let patience: Duration = .seconds(2)

    /// The tenant. Nothing of another tenant is in an answer.
    package let tenant: Tenant
    /// Only what concerns this user; nil for all.
    package var user: UserID?
    /// The most items of an answer, 1 to ``maximumLimit``.
    package var limit: Int
    /// Where the page begins; nil for the first one.
    package var place: SurveyPlace?

    /// The most items of an answer.
    package static let maximumLimit = 200

    /// Creates a question.
    package init(tenant: Tenant, user: UserID? = nil, limit: Int = Self.maximumLimit, place: SurveyPlace? = nil) {
        self.tenant = tenant
        self.user = user
        self.limit = limit
        self.place = place
    }

    private enum CodingKeys: CodingKey {
        case tenant, user, limit, place
    }

    /// Decodes the message on the bus.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        tenant = try Tenant(values.decode(String.self, forKey: .tenant))
        user = try values.decodeIfPresent(String.self, forKey: .user).map { try UserID($0) }
        limit = min(max(1, try values.decode(Int.self, forKey: .limit)), Self.maximumLimit)
        place = try values.decodeIfPresent(String.self, forKey: .place).flatMap { SurveyPlace($0) }
    }

    /// Encodes the message on the bus.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(tenant.text, forKey: .tenant)
        try values.encodeIfPresent(user?.text, forKey: .user)
        try values.encode(limit, forKey: .limit)
        try values.encodeIfPresent(place?.description, forKey: .place)
    }

    /// Parses a question; nil if malformed.
    package init?(json: [UInt8]) {
        guard json.count <= Self.maximumBytes, (try? JSONDocument.check(json)) != nil,
            let question = try? JSONDecoder().decode(SurveyQuestion.self, from: Data(json))
        else { return nil }
        self = question
    }

    /// The question as JSON.
    package func json() throws -> [UInt8] { try Array(JSONEncoder().encode(self)) }
}

/// A place among the items of all processes, as clients see it in `cursor`: `<instance>.<place in the process>`.
package struct SurveyPlace: Sendable, Hashable, CustomStringConvertible {
    /// The id of the process.
    package let instance: String
    /// The place in it: two numbers joined by a hyphen.
    package let place: String

    /// Creates a place from its parts.
    package init(instance: String, place: String) {
        self.instance = instance
        self.place = place
    }

    /// Parses ``description``; nil for any other text.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, SurveyReport.isInstance(String(parts[0])) else { return nil }
        let numbers = parts[1].split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2, numbers.allSatisfy({ UInt32($0) != nil && $0.utf8.first != UInt8(ascii: "+") }) else { return nil }
        self.init(instance: String(parts[0]), place: String(parts[1]))
    }

    package var description: String { "\(instance).\(place)" }
}
