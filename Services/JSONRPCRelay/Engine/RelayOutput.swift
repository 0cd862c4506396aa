/// An action that the engine requests; carried out in order.
enum RelayOutput: Hashable, Sendable {
    /// Send one text to the client.
    case send([UInt8])
    /// Publish a command on the bus.
    case command(RelayCommand)
    /// Cancel a command and notify its service.
    case cancel(CommandToken)
    /// Renew the connection's token (contract §13), and report by ``RelayEngine/authenticated(_:_:)``.
    case authenticate(CommandToken, token: String)
    /// From here on, write pushes with their ids.
    case writeIDs
    /// Resolve the cursor (contract §3) and report by ``RelayEngine/resumed(_:after:position:end:)``; nothing is pushed for the subscription until then.
    case resume(SubscriptionID, after: String)
}

/// The id of a command on a connection. Never reused on one connection.
struct CommandToken: Hashable, Sendable, Comparable {
    let number: UInt64

    static func < (left: CommandToken, right: CommandToken) -> Bool { left.number < right.number }
}

/// A call of a method that is not the relay's own.
struct RelayCommand: Hashable, Sendable {
    /// For ``RelayEngine/completed(_:_:)``.
    let token: CommandToken
    /// The method.
    let method: String
    /// The JSON text of the parameters, an object or an array; nil if absent.
    let params: [UInt8]?
    /// Whether the client expects an answer; false for a notification, which gets none.
    let expectsAnswer: Bool
}

/// The outcome of a command.
enum CommandOutcome: Hashable, Sendable {
    /// The JSON text of the service's result.
    case result([UInt8])
    /// The service's own error, or the relay's.
    case failure(RPCError)
}
