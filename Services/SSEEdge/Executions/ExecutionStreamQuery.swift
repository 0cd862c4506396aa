import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird

/// What the viewer of an execution asks for.
struct ExecutionStreamQuery: Sendable {
    let principal: Principal
    let reference: ExecutionReference
    /// The execution that it names; nil for the current one.
    let run: ExecutionRun?
    /// The last event it has seen; nil for none.
    let number: ExecutionNumber?
    /// Whether it waits for an execution to begin when there is none.
    let waits: Bool

    /// Reads path, query and headers.
    ///
    /// - Throws: `unauthorized` without a token, `validation_error` for a name, an id or a parameter that cannot be.
    init(_ request: Request, _ context: APIRequestContext, _ kind: ExecutionReference.Kind) throws(APIError) {
        principal = try context.requirePrincipal()
        let query = try QueryParameters(of: request)
        reference = try context.execution(kind, of: principal.tenant)
        let named = try query.value("execution")
        do throws(ValidationError) {
            run = try named.map { text throws(ValidationError) in try ExecutionRun(text) }
        } catch {
            throw APIError(error)
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
    private static func number(_ text: String?) throws(APIError) -> ExecutionNumber? {
        guard let text, !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .validation("Last-Event-ID: must be the id of an event of the execution: a whole number from 1 on.")
        }
        // 0 stands before the first event, as no id does.
        guard text.contains(where: { $0 != "0" }) else { return nil }
        // A number that no event can have is beyond the last one, and answered as such.
        let number = ExecutionNumber(text) ?? ExecutionNumber(ExecutionNumber.range.upperBound)
        return number
    }
}
