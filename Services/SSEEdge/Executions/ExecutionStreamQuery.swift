import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird

/// The parsed request for an execution stream.
struct ExecutionStreamQuery: Sendable {
    let principal: Principal
    let reference: ExecutionReference
    /// The execution in the query; nil for the current one.
    let run: ExecutionRun?
    /// The number of the last event that the client has received; nil if it has received none. A malformed number is replaced by the
    /// highest number, which no event has: like every number beyond the end, it is answered with a gap (contract §3, §9).
    let number: ExecutionNumber?
    /// Whether the stream waits for an execution to begin if none is known.
    let waits: Bool

    /// Parses path, query and headers.
    ///
    /// - Throws: `unauthorized` without a token, `validation_error` for an invalid name, id or parameter.
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

    /// Parses the resume number; nil for an empty text, and for 0, the position before the first event.
    private static func number(_ text: String) -> ExecutionNumber? {
        text.utf8.allSatisfy { $0 == UInt8(ascii: "0") } ? nil : ExecutionNumber(text) ?? ExecutionNumber(ExecutionNumber.range.upperBound)
    }
}
