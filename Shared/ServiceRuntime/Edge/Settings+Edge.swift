public import EdgeRuntime

extension ConfigurationKey {
    /// How much of the log's end an edge holds in memory.
    public static let logTailBytes = ConfigurationKey(
        "log.tail.bytes",
        .byteSize(64 * 1024...(1 << 40)),
        default: "128MiB",
        help: "How much of the log's end is held in memory; resumes from further back read the log itself."
    )
    /// When clients are told to come back.
    public static let retryInterval = ConfigurationKey(
        "retry.interval",
        .duration(.milliseconds(10) ... .seconds(3600)),
        default: "2s",
        help: "After how long a client whose stream broke is told to come back; jittered by half for each."
    )
    /// How messages go over WebSockets.
    public static let webSocketCompression = ConfigurationKey(
        "websocket.compression",
        .boolean,
        default: "false",
        help: "Whether events are compressed for clients that offer permessage-deflate; saves network, costs some CPU per event."
    )
    /// How long a reader may take nothing.
    public static let stallTimeout = ConfigurationKey(
        "stall.timeout",
        .duration(.seconds(1) ... .seconds(86_400)),
        default: "10m",
        help: "How long a client may read nothing at all before its connection ends; until then it costs no memory."
    )
}

extension [ConfigurationKey] {
    /// What an edge can be told about its memory and its patience.
    public static let edgeTuning: [ConfigurationKey] = [.logTailBytes, .retryInterval, .stallTimeout]
}

extension EdgeConfiguration {
    /// As the keys of ``Swift/Array/edge(heartbeat:)`` and ``Swift/Array/edgeTuning`` say.
    public init(_ settings: Settings, processorCount: Int, heartbeat: Duration? = nil) {
        self.init(settings, processorCount: processorCount, descriptorLimit: ProcessMetrics.descriptorLimit, heartbeat: heartbeat)
    }

    /// - Parameter descriptorLimit: how many descriptors the process may have open; nil when that cannot be said.
    init(_ settings: Settings, processorCount: Int, descriptorLimit: Int?, heartbeat: Duration? = nil) {
        self.init()
        self.heartbeatInterval = heartbeat ?? settings.duration(.heartbeatInterval)
        self.drainWindow = settings.duration(.drainWindow)
        self.maxConnections = settings.integer(.maxConnections)
        self.maxConnectionsPerTenant =
            settings.optionalInteger(.maxConnectionsPerTenant)
            ?? Self.tenantShare(ofConnections: self.maxConnections, descriptors: descriptorLimit)
        let loops = settings.integer(.deliveryLoops)
        self.deliveryLoops = loops == 0 ? processorCount : loops
        self.retry = settings.duration(.retryInterval)
        self.stallTimeout = settings.duration(.stallTimeout)
        self.unsentPatience = min(self.unsentPatience, self.stallTimeout)
    }

    /// How many connections a tenant may have unless somebody says: half of what all may have, so that no tenant alone can take every place.
    private static func tenantShare(ofConnections connections: Int, descriptors: Int?) -> Int {
        if connections > 0 { return max(1, connections / 2) }
        return descriptors.map { max(1, $0 / 2) } ?? 0
    }
}
