public import EventLog

extension Settings {
    /// Builds the log's configuration from the keys of ``Swift/Array/eventLog``; a limit of 0 becomes nil.
    public func eventLogConfiguration() -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.replicas = self[.eventLogReplicas]
        let maxAge = self[.eventLogMaxAge]
        configuration.maxAge = maxAge > .zero ? maxAge : nil
        let maxBytes = self[.eventLogMaxBytes]
        configuration.maxBytes = maxBytes > 0 ? Int64(maxBytes) : nil
        configuration.storage = self[.eventLogStorage]
        let approvalsMaxAge = self[.approvalsMaxAge]
        configuration.approvalsMaxAge = approvalsMaxAge > .zero ? approvalsMaxAge : nil
        let approvalsMaxBytes = self[.approvalsMaxBytes]
        configuration.approvalsMaxBytes = approvalsMaxBytes > 0 ? Int64(approvalsMaxBytes) : nil
        return configuration
    }
}
