import Basics
import EdgeRuntime
import EventModel

/// An error as JSON-RPC has it (JSON-RPC 2.0 §5.1; codes: contract §6).
///
/// The message begins with the standard's own, word for word, for the standard codes. What there is to say beyond it is a sentence in `data`, and for
/// faults of the client behind the message too, because most clients show nothing but that.
struct RPCError: Error, Hashable, Sendable {
    /// What a program decides by.
    let code: Int
    /// What kind of error it is, in few words.
    let message: String
    /// More about it, as JSON text; nil for nothing.
    let data: [UInt8]?

    /// Creates an error; `data` is one valid JSON value.
    init(code: Int, message: String, data: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// Creates an error whose `data` is a sentence that says what to do.
    private init(_ code: Int, _ message: String, detail: String) {
        var data: [UInt8] = []
        JSONString.append(detail, to: &data)
        self.init(code: code, message: message, data: data)
    }

    /// The text is not JSON, or nests deeper than the relay reads.
    static let parseError = RPCError(code: -32700, message: "Parse error")
    /// The value is JSON, but no request.
    static let invalidRequest = RPCError(code: -32600, message: "Invalid Request")
    /// Neither the relay nor any service answers for the method.
    static let methodNotFound = RPCError(code: -32601, message: "Method not found")
    /// There is no such subscription on this connection.
    static let subscriptionNotFound = RPCError(
        -32002,
        "Subscription not found",
        detail:
            "This connection has no such subscription. Use a subscriptionId or an incidentId that it subscribed to with the same family."
    )
    /// The service that took the command did not end it in time.
    static let deadlineExceeded = RPCError(code: -32003, message: "deadline exceeded")
    /// An object in the message has a member twice: readers differ in which of the two counts.
    static let repeatedMember = invalidRequest("A member stands twice in an object. Send every member once.")

    /// The value is JSON but not a request, for a reason that is not obvious.
    static func invalidRequest(_ detail: String) -> RPCError { RPCError(-32600, "Invalid Request: \(detail)", detail: detail) }
    /// Parameters that the method cannot use.
    static func invalidParams(_ detail: String) -> RPCError { RPCError(-32602, "Invalid params: \(detail)", detail: detail) }
    /// The fault lies behind the relay.
    static func internalError(_ detail: String) -> RPCError { RPCError(-32603, "Internal error", detail: detail) }

    /// The service's answer cannot be passed on.
    static func invalidAnswer(_ detail: String) -> RPCError { RPCError(-32004, "Invalid answer of the service", detail: detail) }

    /// The connection has as many commands under way as it may have.
    static func tooManyCommands(limit: Int) -> RPCError {
        RPCError(
            -32005,
            "Too many outstanding commands",
            detail: "At most \(limit) commands may be under way on one connection. Send the next one when one of them has been answered."
        )
    }

    /// The tenant has used up its share of the commands.
    static func tooManyCommands(perSecond limit: Int, wait seconds: Int) -> RPCError {
        RPCError(
            -32005,
            "Too many commands",
            detail: "Your tenant sends more than \(limit) commands a second. Send this one again in \(seconds) s."
        )
    }

    /// What goes before the close frame of an ending; nil where nothing does.
    init?(_ ending: Ending) {
        guard let (code, message) = ending.kind.jsonRPCError else { return nil }
        self.init(code, message, detail: ending.sentence)
    }
}
