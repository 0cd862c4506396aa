import Glibc

/// What a server and the load have used of the machine since they began.
struct Usage: Sendable {
    /// Processor time of the server; nanoseconds.
    let server: UInt64
    /// Processor time of this process; nanoseconds.
    let load: UInt64
    /// How long the threads of both were ready to run and had no processor; nanoseconds.
    let waited: UInt64

    /// What has been used up to now.
    static func now(of server: ProcessMeter) throws(LoadError) -> Usage {
        let own = ProcessMeter(processID: getpid())
        let waited = try server.waitedForProcessor() + own.waitedForProcessor()
        return Usage(server: try server.processorTime(), load: try own.processorTime(), waited: waited)
    }

    /// What was used since `earlier`. A thread that has ended takes what it waited with it.
    func since(_ earlier: Usage) -> Usage {
        Usage(server: server - earlier.server, load: load - earlier.load, waited: waited - min(earlier.waited, waited))
    }
}
