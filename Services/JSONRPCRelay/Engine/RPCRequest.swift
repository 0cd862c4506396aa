/// The `id` of a request: a string, a number or null, byte for byte as the client wrote it, so that it is echoed exactly
/// (`1.0` is not `1`, and 2^64 is not rounded).
struct RPCID: Hashable, Sendable {
    /// The longest id, in bytes of JSON text. Every progress notification of a command repeats it.
    static let maximumBytes = 4096

    /// The JSON text.
    let json: [UInt8]
}

/// The `params` of a request, as written.
enum RPCParams: Hashable, Sendable {
    /// Absent, or null.
    case none
    /// By name; the JSON text of an object.
    case named([UInt8])
    /// By position; the JSON text of an array.
    case positional([UInt8])
    /// Invalid for every method, with the error.
    case unusable(RPCError)

    /// The JSON text to forward; nil if absent.
    var json: [UInt8]? {
        switch self {
        case .named(let json), .positional(let json): json
        case .none, .unusable: nil
        }
    }
}

/// A call of a client (JSON-RPC 2.0 §4).
struct RPCRequest: Hashable, Sendable {
    /// Nil in a notification, which is never answered.
    let id: RPCID?
    /// The unescaped name.
    let method: String
    /// The parameters.
    let params: RPCParams
}

/// One element of a client's message.
enum RPCItem: Hashable, Sendable {
    /// A request or a notification.
    case request(RPCRequest)
    /// A response: it has `result` or `error` and no `method`. It is dropped without an answer: two peers that answer each other's answers
    /// would loop forever.
    case response
    /// Neither; answered with the id if it is readable, else with null.
    case invalid(RPCError, id: RPCID?)
}
