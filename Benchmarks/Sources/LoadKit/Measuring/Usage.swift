import Glibc

/// The resources that a server and the load have used since they started.
struct Usage: Sendable {
    /// CPU time of the server; nanoseconds.
    let server: UInt64
    /// CPU time of this process; nanoseconds.
    let load: UInt64
    /// Time in which threads of both were runnable without a CPU; nanoseconds.
    let waited: UInt64

    /// Returns the usage up to now.
    static func now(of server: ProcessMeter) throws(LoadError) -> Usage {
        let own = ProcessMeter(processID: getpid())
        let waited = try server.waitedForProcessor() + own.waitedForProcessor()
        return Usage(server: try server.processorTime(), load: try own.processorTime(), waited: waited)
    }

    /// Returns the usage since `earlier`. The waiting time of ended threads is lost.
    func since(_ earlier: Usage) -> Usage {
        Usage(server: server - earlier.server, load: load - earlier.load, waited: waited - min(earlier.waited, waited))
    }
}
