import Basics
import EventModel
import FoundationEssentials

/// A read mark of a user: an event of the stream that all replicas share.
///
/// Refers to the log by sequence and epoch, because marks and their events arrive over two streams, in any order.
struct ReadMark: Sendable, Equatable {
    /// The extent of a mark.
    enum Extent: Sendable, Equatable {
        /// One notification.
        case one(UInt64)
        /// All notifications up to and including a sequence.
        case through(UInt64)
    }

    var tenant: Tenant
    var user: UserID
    var epoch: UInt16
    var extent: Extent
    var readAt: Timestamp
    /// Intake time of the event at that sequence, which identifies it: a log restored from an older copy and written since has another event there. Nil in
    /// old marks, which apply to any event there.
    var intake: Timestamp?

    /// The subject of a user's marks.
    var subject: String { "\(Self.prefix).\(SubjectToken.encode(tenant.text)).\(SubjectToken.encode(user.text))" }

    /// Prefix of the subjects of marks.
    static let prefix = "inbox"
    /// Stored as the intake of a mark of one notification that carries none: it applies to any event.
    static let anyIntake: Int64 = -1
    /// Stored as the intake of a mark of all up to a place that carries none: later than any event's.
    static let latestIntake = Int64.max
}

extension ReadMark {
    private struct Body: Codable {
        var epoch: UInt16
        var sequence: UInt64?
        var through: UInt64?
        var at: Int64
        var intake: Int64?
    }

    /// Encodes the mark as a message body.
    func body() throws -> [UInt8] {
        var body = Body(epoch: epoch, at: readAt.millisecondsSinceEpoch, intake: intake?.millisecondsSinceEpoch)
        switch extent {
        case .one(let sequence): body.sequence = sequence
        case .through(let sequence): body.through = sequence
        }
        return [UInt8](try JSONEncoder().encode(body))
    }

    /// Parses a message; nil when malformed or out of range, because any program on the bus can write here.
    init?(subject: String, body bytes: [UInt8]) {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == Self.prefix, let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            let user = SubjectToken.decode(tokens[2]).flatMap({ try? UserID($0) }),
            (try? JSONDocument.check(bytes)) != nil, let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)),
            Self.times.contains(body.at), body.intake.map(Self.times.contains) ?? true
        else { return nil }
        let extent: Extent
        switch (body.sequence, body.through) {
        case (let sequence?, nil) where Self.sequences.contains(sequence): extent = .one(sequence)
        case (nil, let through?) where Self.sequences.contains(through): extent = .through(through)
        default: return nil
        }
        self.init(
            tenant: tenant,
            user: user,
            epoch: body.epoch,
            extent: extent,
            readAt: Timestamp(millisecondsSinceEpoch: body.at),
            intake: body.intake.map { Timestamp(millisecondsSinceEpoch: $0) }
        )
    }

    /// The sequences that a cursor can name (contract §3).
    private static let sequences = 0...UInt64(Int64.max)
    /// The times that a cursor can carry: 48 bits of milliseconds since 1970.
    private static let times = 0..<Int64(1) << 48
}
