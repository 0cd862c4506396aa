public import Basics

/// What an `approval.requested` says beyond its identifiers, title and deadline (contract §12).
public struct ApprovalTerms: Sendable, Hashable {
    /// How much harm the action can do, as the requester sees it.
    public enum Risk: String, Sendable, Hashable, CaseIterable {
        /// Little.
        case low
        /// Some.
        case medium
        /// Much.
        case high
        /// The most.
        case critical
    }

    /// A text for the people who decide.
    public let description: String?
    /// The risk of the action.
    public let risk: Risk?
    /// What will be executed: JSON text as received.
    public let action: [UInt8]?
    /// The digest of ``action``; nil without one.
    public let actionDigest: ActionDigest?
    /// Whether the requester may not approve.
    public let fourEyes: Bool
    /// Who decides.
    public let policy: ApprovalPolicy

    /// Reads the terms of a request. A member that is `null` is absent.
    ///
    /// - Parameters:
    ///   - payload: the payload of an `approval.requested` that ``EventCatalogue/validate(type:payload:)`` accepts: it checks the text of
    ///     `description`.
    ///   - field: the payload's name in errors.
    /// - Throws: a ``ValidationError`` with the path of the first invalid member.
    public init(_ payload: Payload, field: String) throws(ValidationError) {
        func member<Value>(_ name: String, _ wanted: String, _ read: (String) -> Value?) throws(ValidationError) -> Value? {
            guard let kind = payload.kind(of: name), kind != .null else { return nil }
            guard let value = read(name) else { throw ValidationError(field: "\(field).\(name)", message: "must be \(wanted)") }
            return value
        }
        description = payload.string("description")
        risk = try member("risk", "one of \(Risk.allCases.map(\.rawValue).joined(separator: ", "))") { name in
            payload.string(name).flatMap(Risk.init)
        }
        let json = payload.kind(of: "action") == .null ? nil : payload.json("action")
        action = json.map { Array($0) }
        if let json {
            actionDigest = try ActionDigest(of: json, field: "\(field).action")
        } else {
            actionDigest = nil
        }
        fourEyes = try member("fourEyes", "true or false", payload.boolean) ?? false
        policy = try ApprovalPolicy(payload, field: field)
    }
}
