import AccessControl
import EventModel
import HTTPAPI
import Hummingbird

/// What the viewer of an execution asks for.
struct ExecutionStreamQuery: Sendable {
    let principal: Principal
    let reference: ExecutionReference
    /// The execution that it names; nil for the current one.
    let run: String?
    /// The last event it has seen; nil for none.
    let number: UInt64?
    /// Whether it waits for an execution to begin when there is none.
    let waits: Bool

    /// Reads path, query and headers.
    ///
    /// - Throws: `unauthorized` without a token, `validation_error` for a name, an id or a parameter that cannot be.
    init(_ request: Request, _ context: APIRequestContext, _ kind: ExecutionReference.Kind) throws(APIError) {
        principal = try context.requirePrincipal()
        let query = try QueryParameters(of: request)
        let tenant: Tenant
        do throws(ValidationError) {
            tenant = try Tenant(principal.tenant)
        } catch {
            throw .validation("\(error.field): \(error.message)")
        }
        reference = try context.execution(kind, of: tenant)
        run = try query.value("execution")
        if let run, !(1...ExecutionReference.maximumRunBytes).contains(run.utf8.count) {
            throw .validation(
                "execution: must have 1 to \(ExecutionReference.maximumRunBytes) bytes; leave it out for the current execution."
            )
        }
        if let header = request.headers[.lastEventID] {
            number = try Self.number(header)
        } else {
            number = try Self.number(try query.value("last_event_id"))
        }
        switch try query.value("wait") {
        case nil, "false": waits = false
        case "true", "": waits = true
        default: throw .validation("wait: must be true or false.")
        }
    }

    /// The number of an event, as a client sends it back; nil for none, and for the empty text that a client sends which has seen nothing.
    private static func number(_ text: String?) throws(APIError) -> UInt64? {
        guard let text, !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text) else {
            throw .validation("Last-Event-ID: must be the id of an event of the execution: a whole number from 1 on.")
        }
        return number
    }
}
