public import EventLog

extension Settings {
    /// How the event log is kept, as the keys of ``Swift/Array/eventLog`` say; 0 stands for no bound there, and for nil here.
    public func eventLogConfiguration() -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.replicas = integer(.logReplicas)
        let maxAge = duration(.logMaxAge)
        configuration.maxAge = maxAge > .zero ? maxAge : nil
        let maxBytes = byteSize(.logMaxBytes)
        configuration.maxBytes = maxBytes > 0 ? Int64(maxBytes) : nil
        configuration.storage = string(.logStorage) == "memory" ? .memory : .file
        return configuration
    }
}
