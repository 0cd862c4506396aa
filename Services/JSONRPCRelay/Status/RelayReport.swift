import Basics
import FoundationEssentials

/// The report that each relay process publishes to the others on ``subject``, as JSON.
struct RelayReport: Codable, Hashable, Sendable {
    /// The subject; plain NATS, not stored.
    static let subject = "causeway.relay.census"
    /// The size limit; longer messages are ignored.
    static let maximumBytes = 4096
    /// The limit of a plausible report; larger numbers are rejected.
    static let maximumConnections = 100_000_000

    /// The id of the process: a ULID, new with each start.
    let id: String
    /// Its open connections.
    let connections: Int
    /// Its version.
    let version: String
    /// Its region.
    let region: String
    /// Whether this is its last report.
    let isLeaving: Bool

    init(id: String, connections: Int, version: String, region: String, isLeaving: Bool = false) {
        self.id = id
        self.connections = connections
        self.version = version
        self.region = region
        self.isLeaving = isLeaving
    }

    /// Parses a report; nil if malformed.
    init?(json: [UInt8]) {
        guard json.count <= Self.maximumBytes, (try? JSONDocument.check(json)) != nil,
            let report = try? JSONDecoder().decode(RelayReport.self, from: Data(json))
        else { return nil }
        guard (1...64).contains(report.id.utf8.count), (0...Self.maximumConnections).contains(report.connections) else { return nil }
        self = report
    }

    /// The report as JSON.
    func json() throws -> [UInt8] { try Array(JSONEncoder().encode(self)) }
}
