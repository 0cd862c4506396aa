import Basics
import EdgeRuntime
import EventModel

/// A JSON-RPC error (JSON-RPC 2.0 §5.1; codes: contract §6).
///
/// For the standard codes the message begins with the standard's text, verbatim. `data` holds the details; for
/// client errors the message repeats them, because most clients show only that.
struct RPCError: Error, Hashable, Sendable {
    /// The code for programs.
    let code: Int
    /// The kind of error, in a few words.
    let message: String
    /// Details as JSON text; nil if absent.
    let data: [UInt8]?

    /// Creates an error; `data` is one valid JSON value.
    init(code: Int, message: String, data: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// Creates an error whose `data` is a sentence with the remedy.
    private init(_ code: Int, _ message: String, detail: String) {
        var data: [UInt8] = []
        JSONString.append(detail, to: &data)
        self.init(code: code, message: message, data: data)
    }

    /// The text is not JSON, or nests deeper than the relay reads.
    static let parseError = RPCError(code: -32700, message: "Parse error")
    /// The value is JSON, but not a request.
    static let invalidRequest = RPCError(code: -32600, message: "Invalid Request")
    /// Neither the relay nor any service implements the method.
    static let methodNotFound = RPCError(code: -32601, message: "Method not found")
    /// The connection has no subscription with that id.
    static let subscriptionNotFound = RPCError(
        -32002,
        "Subscription not found",
        detail:
            "This connection has no such subscription. Use a subscriptionId or an incidentId that it subscribed to with the same family."
    )
    /// The service did not complete the command in time.
    static let deadlineExceeded = RPCError(code: -32003, message: "deadline exceeded")
    /// An object in the message has a duplicate member: parsers differ in which of the two counts.
    static let repeatedMember = invalidRequest("A member stands twice in an object. Send every member once.")

    /// The value is JSON but not a request, for a reason that is not obvious.
    static func invalidRequest(_ detail: String) -> RPCError { RPCError(-32600, "Invalid Request: \(detail)", detail: detail) }
    /// Parameters that the method cannot use.
    static func invalidParams(_ detail: String) -> RPCError { RPCError(-32602, "Invalid params: \(detail)", detail: detail) }
    /// The error is behind the relay.
    static func internalError(_ detail: String) -> RPCError { RPCError(-32603, "Internal error", detail: detail) }

    /// The service's answer is invalid.
    static func invalidAnswer(_ detail: String) -> RPCError { RPCError(-32004, "Invalid answer of the service", detail: detail) }

    /// The connection has too many pending commands.
    static func tooManyCommands(limit: Int) -> RPCError {
        RPCError(
            -32005,
            "Too many outstanding commands",
            detail: "At most \(limit) commands may be under way on one connection. Send the next one when one of them has been answered."
        )
    }

    /// The connection subscribes and unsubscribes too fast.
    static func tooManySubscriptionChanges(perSecond: Int) -> RPCError {
        RPCError(
            -32005,
            "Too many subscriptions at a time",
            detail:
                "At most \(perSecond) subscriptions may be begun or ended in a second on one connection. Send this one again in a moment."
        )
    }

    /// The connection's token is being renewed already.
    static let renewalUnderWay = RPCError(
        -32005,
        "A renewal is under way",
        detail: "A connection renews its token by one other at a time. Send the next authenticate after the answer."
    )

    /// The tenant exceeds its share of commands.
    static func tooManyCommandsOfTenant(_ detail: String) -> RPCError {
        RPCError(-32005, "Too many commands of the tenant", detail: detail)
    }

    /// Creates the error sent before the close frame of an ending; nil if none is sent.
    init?(_ ending: Ending) {
        guard let (code, message) = ending.kind.jsonRPCError else { return nil }
        self.init(code, message, detail: ending.sentence)
    }
}
