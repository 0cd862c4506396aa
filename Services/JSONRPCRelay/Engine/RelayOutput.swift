/// What is to be done, in that order, after the engine has taken something in.
enum RelayOutput: Hashable, Sendable {
    /// Send one text to the client.
    case send([UInt8])
    /// Put a command on the bus.
    case command(RelayCommand)
    /// Nobody waits for a command any more; tell whoever works on it.
    case cancel(CommandToken)
    /// From now on push what the subscription matches; after `lastEventID`, if there is one (contract §3), else what happens from now on.
    case subscribed(Subscription, lastEventID: String?)
    /// No longer push for that subscription.
    case unsubscribed(Subscription)
}

/// Which of a connection's commands is meant. Never used twice on one connection.
struct CommandToken: Hashable, Sendable, Comparable {
    let number: UInt64

    static func < (left: CommandToken, right: CommandToken) -> Bool { left.number < right.number }
}

/// A call of a method that is not the relay's own.
struct RelayCommand: Hashable, Sendable {
    /// For ``RelayEngine/completed(_:_:)``.
    let token: CommandToken
    /// Which method.
    let method: String
    /// The JSON text of the parameters, an object or an array; nil if there are none.
    let params: [UInt8]?
    /// Whether the client waits for an answer. Otherwise it sent a notification, and none is to be given.
    let expectsAnswer: Bool
}

/// How a command ended.
enum CommandOutcome: Hashable, Sendable {
    /// The JSON text of what the service answered.
    case result([UInt8])
    /// The service's own error, or the relay's.
    case failure(RPCError)
}
