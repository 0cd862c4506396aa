/// How long commands may take and how much may come back.
struct CommandConfiguration: Sendable {
    /// How long a service has to end a command; what it tells about its progress does not prolong it.
    var timeout: Duration = .seconds(30)
    /// The longest result or error, in bytes; a longer one becomes -32004.
    var maximumAnswerBytes = 256 * 1024
    /// The longest progress message, in bytes; a longer one is dropped.
    var maximumProgressBytes = 64 * 1024
    /// The most progress messages of one command; further ones are dropped.
    var maximumProgressCount = 10_000
    /// How much may wait to be sent, in bytes, should the bus be slow in taking it; what comes beyond is refused. A tenant gets a quarter of it.
    var maximumQueuedBytes = 32 * 1024 * 1024
    /// The most commands of one tenant that may wait for their answer, over all its connections to the process.
    var maximumOutstandingOfTenant = 1024
    /// How many commands of one tenant are sent in a second, on average over 10 s; 0 for no limit.
    var commandsPerSecondOfTenant = 100

    /// Creates a configuration with the usual values.
    init() {}
}
