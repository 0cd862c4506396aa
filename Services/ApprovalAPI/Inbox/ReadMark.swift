import Basics
import EventModel
import FoundationEssentials

/// What a user has read: an event of the stream that all replicas share.
///
/// It names places in the log, whose life it names too: marks and what they mark come by two streams, in no order.
struct ReadMark: Sendable, Equatable {
    /// What was read.
    enum Extent: Sendable, Equatable {
        /// One notification.
        case one(UInt64)
        /// All up to a place, that included.
        case through(UInt64)
    }

    var tenant: String
    var user: String
    var epoch: UInt16
    var extent: Extent
    var readAt: Timestamp

    /// The subject of a user's marks.
    var subject: String { "\(Self.prefix).\(SubjectToken.encode(tenant)).\(SubjectToken.encode(user))" }

    /// What all subjects of marks begin with.
    static let prefix = "inbox"
}

extension ReadMark {
    private struct Body: Codable {
        var epoch: UInt16
        var sequence: UInt64?
        var through: UInt64?
        var at: Int64
    }

    /// The mark as a message's body.
    func body() throws -> [UInt8] {
        var body = Body(epoch: epoch, at: readAt.millisecondsSinceEpoch)
        switch extent {
        case .one(let sequence): body.sequence = sequence
        case .through(let sequence): body.through = sequence
        }
        return [UInt8](try JSONEncoder().encode(body))
    }

    /// Reads a message; nil when it is no mark.
    init?(subject: String, body bytes: [UInt8]) {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == Self.prefix, let tenant = SubjectToken.decode(tokens[1]),
            let user = SubjectToken.decode(tokens[2]),
            let body = try? JSONDecoder().decode(Body.self, from: Data(bytes))
        else { return nil }
        let extent: Extent
        switch (body.sequence, body.through) {
        case (let sequence?, nil): extent = .one(sequence)
        case (nil, let through?): extent = .through(through)
        default: return nil
        }
        self.init(tenant: tenant, user: user, epoch: body.epoch, extent: extent, readAt: Timestamp(millisecondsSinceEpoch: body.at))
    }
}
