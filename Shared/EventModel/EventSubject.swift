public import Basics

/// The NATS subjects of a tenant's events: `events.<tenant>.<type…>`, the tenant as a ``SubjectToken``.
///
/// Two more forms carry the type in the header `ce-type`: `events.<tenant>` alone, for producers that want one subject, and
/// `events.<tenant>.<KIND>.…`, whose upper-case token no type can have; approvals use `DECISION`, each with its own subjects
/// (``ApprovalPlace``).
public struct EventSubject: Sendable, Hashable {
    /// The tenant that the subject names.
    public let tenant: Tenant
    /// The type named by the subject; nil when it is in the header `ce-type`.
    public let type: EventType?
    /// The write-once place; nil for other subjects.
    public let approvalPlace: ApprovalPlace?

    /// Parses the subject of a message.
    public init(_ subject: String) throws(ValidationError) {
        let prefix = "events."
        let rest = subject.utf8.dropFirst(prefix.utf8.count)
        let dot = rest.firstIndex(of: UInt8(ascii: "."))
        guard subject.hasPrefix(prefix), let name = SubjectToken.decode(subject[rest.startIndex..<(dot ?? rest.endIndex)]) else {
            throw ValidationError(field: "subject", message: "must be events.<tenant> or events.<tenant>.<type>")
        }
        let tail = dot.map { subject[subject.utf8.index(after: $0)...] }
        let beginsWithKind = tail?.utf8.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } == true
        approvalPlace = beginsWithKind ? tail.flatMap { ApprovalPlace(tail: $0) } : nil
        do throws(ValidationError) {
            tenant = try Tenant(name)
            if let tail, !beginsWithKind { type = try EventType(String(tail)) } else { type = nil }
        } catch {
            throw error.within("subject")
        }
    }

    /// Returns the subject of an event.
    public static func event(tenant: Tenant, type: EventType) -> String {
        "events.\(SubjectToken.encode(tenant)).\(type.name)"
    }

    /// Returns the subject of an approval's write-once place (contract §7).
    public static func approval(tenant: Tenant, place: ApprovalPlace) -> String {
        "events.\(SubjectToken.encode(tenant)).\(place.tail)"
    }
}
