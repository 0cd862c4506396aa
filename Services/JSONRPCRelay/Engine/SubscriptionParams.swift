import Basics

/// The parameters of the four subscription methods (contract §6). Members that are none of these are passed over.
struct SubscriptionParams {
    /// The incident, as in events.
    let incidentID: IncidentID?
    /// What ``RelayEngine`` once gave.
    let subscriptionID: String?
    /// A cursor, or what the client takes for one.
    let lastEventID: String?

    /// Reads them.
    /// - Throws: -32602 with a sentence.
    init(_ params: RPCParams) throws(RPCError) {
        guard case .named(let object) = params else {
            throw .invalidParams(#"params must be an object, such as {"incidentId":"inc_1"}."#)
        }
        guard let members = JSONMembers(["incidentId", "subscriptionId", "lastEventId"], of: object), !members.hasRepetition else {
            throw .invalidParams("A member of params may occur only once.")
        }
        incidentID = try Self.incidentID(members)
        subscriptionID = try Self.text("subscriptionId", members)
        lastEventID = try Self.text("lastEventId", members)
    }

    private static func incidentID(_ members: JSONMembers) throws(RPCError) -> IncidentID? {
        guard let text = try text("incidentId", members) else { return nil }
        do throws(ValidationError) {
            return try IncidentID(text, field: "params.incidentId")
        } catch {
            throw .invalidParams("\(error.field) \(error.message).")
        }
    }

    private static func text(_ name: String, _ members: JSONMembers) throws(RPCError) -> String? {
        guard members[name] != nil else { return nil }
        guard let text = members.string(name) else { throw .invalidParams("params.\(name) must be a string.") }
        return text
    }
}
