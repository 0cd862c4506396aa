import EdgeRuntime
public import ServiceKit

extension AnyConfigurationKey {
    /// Size of the log's tail in an edge's memory, in bytes.
    public static let eventLogTailBytes = ConfigurationKey(
        "event.log.tail.bytes",
        .byteSize(64 * 1024...(1 << 40)),
        default: "128MiB",
        formerName: "log.tail.bytes",
        help: "How much of the log's end is held in memory; resumes from further back read the log itself."
    )
    /// Reconnect delay for clients.
    public static let retryInterval = ConfigurationKey(
        "retry.interval",
        .duration(.milliseconds(10) ... .seconds(3600)),
        default: "2s",
        help: "After how long a client whose stream broke is told to come back; jittered by half for each."
    )
    /// Whether WebSocket messages are compressed.
    public static let webSocketCompression = ConfigurationKey(
        "websocket.compression",
        .boolean,
        default: "false",
        help: "Whether events are compressed for clients that offer permessage-deflate; saves network, costs some CPU per event."
    )
    /// Time limit for a client that reads nothing.
    public static let stallTimeout = ConfigurationKey(
        "stall.timeout",
        .duration(.seconds(1) ... .seconds(86_400)),
        default: "10m",
        help: "How long a client may read nothing at all before its connection ends; until then it costs no memory."
    )
}

extension [AnyConfigurationKey] {
    /// Memory and time limits of an edge.
    public static let edgeTuning: [AnyConfigurationKey] = [.eventLogTailBytes, .retryInterval, .stallTimeout, .quickDoor]
}

extension EdgeConfiguration {
    /// Creates the configuration from the keys of ``Swift/Array/edge(heartbeat:)`` and ``Swift/Array/edgeTuning``.
    ///
    /// - Parameter streamLimit: the number of streams that the open-file limit allows (``DescriptorBudget/streamLimit``); it bounds
    ///   `max.connections`.
    init(_ settings: Settings, processorCount: Int, streamLimit: Int, heartbeat: Duration? = nil) {
        self.init()
        self.heartbeatInterval = heartbeat ?? settings[.heartbeatInterval]
        self.drainWindow = settings[.drainWindow]
        let configured = settings[.maxConnections]
        self.maxConnections = configured == 0 ? streamLimit : min(configured, streamLimit)
        self.maxConnectionsPerTenant =
            settings[.maxConnectionsPerTenant]
            // Half of all streams, so that one tenant cannot take every place.
            ?? max(1, self.maxConnections / 2)
        let loops = settings[.deliveryLoops]
        self.deliveryLoops = loops == 0 ? processorCount : loops
        self.retry = settings[.retryInterval]
        self.stallTimeout = settings[.stallTimeout]
        self.unsentPatience = min(self.unsentPatience, self.stallTimeout)
    }
}
