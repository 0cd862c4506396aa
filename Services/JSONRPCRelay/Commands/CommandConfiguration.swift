/// Time and size limits of commands.
struct CommandConfiguration: Sendable {
    /// The deadline of a command; progress messages do not extend it.
    var timeout: Duration = .seconds(30)
    /// The longest result or error, in bytes; a longer one becomes -32004.
    var maximumAnswerBytes = 256 * 1024
    /// The longest progress message, in bytes; a longer one is dropped.
    var maximumProgressBytes = 64 * 1024
    /// The most progress messages of one command; further ones are dropped.
    var maximumProgressCount = 10_000
    /// The limit of the send queue, in bytes; beyond it commands are refused. A tenant gets a quarter of it.
    var maximumQueuedBytes = 32 * 1024 * 1024
    /// The most pending commands of one tenant, over all its connections to the process.
    var maximumOutstandingOfTenant = 1024
    /// The most commands of one tenant per second, on average over 10 s; 0 for no limit.
    var commandsPerSecondOfTenant = 100

    /// Creates a configuration with the default values.
    init() {}
}
