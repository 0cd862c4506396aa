import EventModel

/// The subjects and headers of commands (docs/commands.md).
enum CommandSubject {
    /// Returns the subject of a command: `rpc.` and the method, each word encoded as a token.
    static func request(_ method: String) -> String {
        let words = method.split(separator: ".", omittingEmptySubsequences: false)
        return "rpc." + words.map { SubjectToken.encode(String($0)) }.joined(separator: ".")
    }

    /// Returns the subject of a command's cancellation.
    static func cancellation(_ requestID: String) -> String { "causeway.rpc.cancel.\(requestID)" }
}

/// The names of the headers, and their fixed values.
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

    /// The reason of a cancellation.
    enum Reason: String, Sendable {
        /// The client disconnected.
        case disconnected
        /// The command timed out, and the client got the error.
        case deadline
    }
}
