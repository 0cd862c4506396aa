import Basics
import HTTPAPI

/// The parameters of the four subscription methods (contract §6). Members that are none of these are passed over.
struct SubscriptionParams {
    let incidentID: IncidentID?
    /// What ``RelayEngine`` once gave.
    let subscriptionID: String?
    /// A cursor, or what the client takes for one. Contract §3 answers any text, so that none is refused here.
    let lastEventID: String?

    /// Reads them.
    /// - Throws: -32602 with a sentence that names the member.
    init(_ params: RPCParams) throws(RPCError) {
        guard case .named(let object) = params, let members = JSONMembers(["incidentId", "subscriptionId"], of: object) else {
            throw .invalidParams(#"params must be an object, such as {"incidentId":"inc_1"}."#)
        }
        incidentID = try Self.text("incidentId", members).map { text throws(RPCError) in try Self.incident(text) }
        subscriptionID = try Self.text("subscriptionId", members)
        // Every spelling of the place is the same member.
        let cursors = members.members { LastEventID.isName($0) }
        guard cursors.count <= 1 else {
            throw .invalidParams("params.\(cursors[0].name) and params.\(cursors[1].name) are the same member: send one of them.")
        }
        lastEventID = try cursors.first.map { cursor throws(RPCError) in
            guard let text = JSONMembers.string(cursor.json) else { throw .invalidParams("params.\(cursor.name) must be a string.") }
            return text
        }
    }

    private static func text(_ name: String, _ members: JSONMembers) throws(RPCError) -> String? {
        guard members[name] != nil else { return nil }
        guard let text = members.string(name) else { throw .invalidParams("params.\(name) must be a string.") }
        return text
    }

    private static func incident(_ text: String) throws(RPCError) -> IncidentID {
        do throws(ValidationError) {
            return try IncidentID(text, field: "params.incidentId")
        } catch {
            throw .invalidParams("\(error.field) \(error.message)")
        }
    }
}
