public import Basics

/// A write-once place of an approval, in its tenant's log and in the stream of approval records (contract §7, §12).
///
/// Each place has its own subject, so that the server rejects a second message from any sender at any time.
public enum ApprovalPlace: Sendable, Hashable {
    /// The request: the approval's `approval.requested`.
    case request(approvalID: ApprovalID)
    /// The vote of a person: `approval.voted`.
    case vote(approvalID: ApprovalID, voter: UserID)
    /// An escalation, by its number from 1: `approval.escalated`.
    case escalation(approvalID: ApprovalID, step: Int)
    /// The decision: the approval's `approval.resolved`.
    case decision(approvalID: ApprovalID)
    /// The effect of the decision: `remediation.approved` or `remediation.rejected`. In the log only.
    case effect(approvalID: ApprovalID)
    /// The use of the approval by its executor: `approval.consumed`.
    case consumption(approvalID: ApprovalID)

    /// The subject filter for every tenant's requests in the log.
    public static let requestsFilter = "events.*.\(kind).*.\(Word.request.rawValue)"
    /// The subject filter for every tenant's decisions in the log, without their effects.
    public static let decisionsFilter = "events.*.\(kind).*"
    /// The subject filter for every tenant's records.
    package static let recordsFilter = "\(recordsPrefix).>"
    /// The highest number of an escalation.
    static let maximumStep = 99

    private static let kind = "DECISION"
    private static let recordsPrefix = "approvals"

    private enum Word: String {
        case request = "REQUEST"
        case vote = "VOTE"
        case escalation = "ESCALATION"
        case decision = "DECISION"
        case effect = "EFFECT"
        case consumption = "CONSUMPTION"
    }

    /// The approval that the place belongs to.
    public var approvalID: ApprovalID {
        switch self {
        case .request(let approvalID), .vote(let approvalID, _), .escalation(let approvalID, _), .decision(let approvalID),
            .effect(let approvalID), .consumption(let approvalID):
            approvalID
        }
    }

    /// The place without its approval, as in a record's subject: `REQUEST`, `VOTE.<user>`.
    package var name: String {
        switch self {
        case .request: Word.request.rawValue
        case .vote(_, let voter): "\(Word.vote.rawValue).\(SubjectToken.encode(voter))"
        case .escalation(_, let step): "\(Word.escalation.rawValue).\(step)"
        case .decision: Word.decision.rawValue
        case .effect: Word.effect.rawValue
        case .consumption: Word.consumption.rawValue
        }
    }

    /// Parses ``name``.
    package init?(approvalID: ApprovalID, name: some StringProtocol) {
        let tokens = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let word = tokens.first.flatMap({ Word(rawValue: String($0)) }) else { return nil }
        switch (word, tokens.count) {
        case (.request, 1): self = .request(approvalID: approvalID)
        case (.decision, 1): self = .decision(approvalID: approvalID)
        case (.effect, 1): self = .effect(approvalID: approvalID)
        case (.consumption, 1): self = .consumption(approvalID: approvalID)
        case (.vote, 2):
            guard let voter = SubjectToken.decode(tokens[1]).flatMap({ try? UserID($0) }) else { return nil }
            self = .vote(approvalID: approvalID, voter: voter)
        case (.escalation, 2):
            guard let step = Int(tokens[1]), (1...Self.maximumStep).contains(step), String(step) == tokens[1] else { return nil }
            self = .escalation(approvalID: approvalID, step: step)
        default: return nil
        }
    }

    /// The part of the log's subject after the tenant. A decision's has no name: version 1 wrote only that one.
    var tail: String {
        let approval = "\(Self.kind).\(SubjectToken.encode(approvalID))"
        if case .decision = self { return approval }
        return "\(approval).\(name)"
    }

    /// Parses the part of the log's subject after the tenant; nil when it is not an approval's place.
    init?(tail: some StringProtocol) {
        let tokens = tail.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard tokens.count >= 2, tokens[0] == Self.kind, let approvalID = SubjectToken.decode(tokens[1]).flatMap({ try? ApprovalID($0) })
        else { return nil }
        guard tokens.count == 3 else {
            self = .decision(approvalID: approvalID)
            return
        }
        guard let place = ApprovalPlace(approvalID: approvalID, name: tokens[2]) else { return nil }
        if case .decision = place { return nil }
        self = place
    }

    /// Returns the subject of the place's record.
    package func recordSubject(tenant: Tenant) -> String {
        "\(Self.recordsPrefix).\(SubjectToken.encode(tenant)).\(SubjectToken.encode(approvalID)).\(name)"
    }

    /// Parses the subject of a record; nil for any other.
    package static func record(subject: String) -> (tenant: Tenant, place: ApprovalPlace)? {
        let tokens = subject.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard tokens.count == 4, tokens[0] == recordsPrefix, let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            let approvalID = SubjectToken.decode(tokens[2]).flatMap({ try? ApprovalID($0) }),
            let place = ApprovalPlace(approvalID: approvalID, name: tokens[3])
        else { return nil }
        if case .effect = place { return nil }
        return (tenant, place)
    }
}
