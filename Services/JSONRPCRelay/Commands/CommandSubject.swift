import EventModel

/// The subjects and headers of commands (docs/commands.md).
enum CommandSubject {
    /// Where a command is published: `rpc.` and the method, each of whose words is a token; what a token cannot hold is encoded.
    static func request(_ method: String) -> String {
        let words = method.split(separator: ".", omittingEmptySubsequences: false)
        return "rpc." + words.map { SubjectToken.encode(String($0)) }.joined(separator: ".")
    }

    /// Where it is published that nobody waits for a command any more.
    static func cancellation(_ requestID: String) -> String { "causeway.rpc.cancel.\(requestID)" }
}

/// The names of the headers, and the values that are fixed.
enum CommandHeader {
    // Of a request. Text from outside is percent-encoded.
    static let requestID = "causeway-request-id"
    static let tenant = "causeway-tenant"
    static let user = "causeway-user"
    static let roles = "causeway-roles"
    static let timeout = "causeway-timeout-ms"
    static let cancellation = "causeway-cancel"
    static let traceparent = "traceparent"

    // Of an answer.
    static let status = "causeway-status"

    // Of a cancellation.
    static let reason = "causeway-reason"

    /// Why the wait ended.
    enum Reason: String, Sendable {
        /// The client is gone.
        case disconnected
        /// The command took too long, and the client has been told so.
        case deadline
    }
}
