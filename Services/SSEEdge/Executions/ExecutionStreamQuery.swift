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
    /// The last event that it has seen; nil for none. What is not a number of an event is the last number of all, which no event has: it is answered
    /// like every number beyond the end, with a gap (contract §3, §9).
    let number: ExecutionNumber?
    /// Whether it waits for an execution to begin when there is none.
    let waits: Bool

    /// Reads path, query and headers.
    ///
    /// - Throws: `unauthorized` without a token, `validation_error` for a name, an id or a parameter that cannot be.
    init(_ request: Request, _ context: APIRequestContext, _ kind: ExecutionReference.Kind) throws(APIError) {
        principal = try context.requirePrincipal()
        let query = QueryParameters(unbounded: request.uri.query)
        reference = try context.execution(kind, of: principal.tenant)
        let named = try query.value("execution")
        do throws(ValidationError) {
            run = try named.map { text throws(ValidationError) in try ExecutionRun(text) }
        } catch {
            throw APIError(error)
        }
        number = request.lastEventID.flatMap(Self.number)
        switch try query.value("wait") {
        case nil, "false": waits = false
        case "true", "": waits = true
        default: throw .validation("wait: must be true or false.")
        }
    }

    /// The number that a client sends back. An empty text, and the 0 that stands before the first event, are from clients that have seen nothing.
    private static func number(_ text: String) -> ExecutionNumber? {
        text.utf8.allSatisfy { $0 == UInt8(ascii: "0") } ? nil : ExecutionNumber(text) ?? ExecutionNumber(ExecutionNumber.range.upperBound)
    }
}
