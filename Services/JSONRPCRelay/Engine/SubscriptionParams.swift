import Basics
import HTTPAPI

/// The parameters of the four subscription methods (contract §6). Other members are ignored.
struct SubscriptionParams {
    let incidentID: IncidentID?
    /// An id that ``RelayEngine`` assigned.
    let subscriptionID: String?
    /// The cursor that the client names, maybe malformed. It is never refused (contract §3), so a value that is not a string
    /// is its JSON text, and several are joined: neither is a valid cursor, and both are answered as an unknown one. `null` means absent.
    let lastEventID: String?

    /// Parses them.
    /// - Throws: -32602 with a sentence that names the member.
    init(_ params: RPCParams) throws(RPCError) {
        guard case .named(let object) = params, let members = try? JSONMembers(object) else {
            throw .invalidParams(#"params must be an object, such as {"incidentId":"inc_1"}."#)
        }
        incidentID = try Self.text("incidentId", members).map { text throws(RPCError) in try Self.incident(text) }
        subscriptionID = try Self.text("subscriptionId", members)
        // All spellings of the cursor's name are the same member.
        let places = members.values { LastEventID.isName($0) }.filter { !$0.elementsEqual("null".utf8) }
        lastEventID =
            places.isEmpty ? nil : places.map { JSONString.text(of: $0) ?? String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
    }

    private static func text(_ name: String, _ members: JSONMembers) throws(RPCError) -> String? {
        guard members.contains(name) else { return nil }
        guard let text = members.text(name) else { throw .invalidParams("params.\(name) must be a string.") }
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
