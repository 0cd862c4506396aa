import EdgeRuntime
import EdgeService
import ServiceKit

/// The settings of the relay.
enum RelaySettings {
    static let silenceTimeout = ConfigurationKey(
        "silence.timeout",
        .duration(.milliseconds(100) ... .seconds(86_400)),
        default: "60s",
        help: "How long a client may send nothing at all before its connection is closed with 1008."
    )
    static let commandTimeout = ConfigurationKey(
        "command.timeout",
        .duration(.milliseconds(100) ... .seconds(3600)),
        default: "30s",
        help: "How long a service on the bus may take to end a command before the client is told that the deadline was exceeded."
    )
    static let commandsPerSecond = ConfigurationKey(
        "commands.per.second",
        .integer(0...1_000_000),
        default: "100",
        help: "How many commands of one tenant this process sends in a second, on average over 10 s; 0 sets no limit."
    )
    static let maxMessagesPerMinute = ConfigurationKey(
        "max.messages.per.minute",
        .integer(1...10_000_000),
        default: "6000",
        help: "The most messages of one client in a minute; beyond it the connection is closed with 1008."
    )
    static let region = ConfigurationKey("region", .text, default: "local", help: "Where this process runs, as /v1/relay/status says it.")

    /// All keys of the program. The relay sends no heartbeats: its clients do.
    static func keys(httpPort: Int, adminPort: Int) -> [AnyConfigurationKey] {
        EdgeProcess.keys(httpPort: httpPort, adminPort: adminPort, heartbeat: "5s").filter {
            $0.name != AnyConfigurationKey.heartbeatInterval.name
        }
            + [
                .webSocketCompression, self.silenceTimeout, self.commandTimeout, self.commandsPerSecond, self.maxMessagesPerMinute,
                self.region,
            ]
    }

    /// Returns the interval of the idle check of connections.
    static func lookInterval(_ settings: Settings) -> Duration { min(.seconds(5), settings[self.silenceTimeout] / 4) }

    static func rules(_ settings: Settings) -> WebSocketRules {
        WebSocketRules(
            maxMessagesPerMinute: UInt32(clamping: settings[self.maxMessagesPerMinute]),
            silenceLimit: settings[self.silenceTimeout]
        )
    }
}
