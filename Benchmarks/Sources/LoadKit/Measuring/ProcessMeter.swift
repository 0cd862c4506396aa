import Glibc

/// What a process has used, seen from outside.
struct ProcessMeter: Sendable {
    /// No process has this number or a greater one: Linux counts to 2²² (`PID_MAX_LIMIT`), and a greater one would name another clock.
    static let maximumProcessID: pid_t = 1 << 22

    let processID: pid_t

    /// CPU time of all its threads, also of those that have ended, in user and kernel mode; nanoseconds.
    ///
    /// Read from the process's CPU clock (clock_getcpuclockid(3)): `/proc/<pid>/stat` says the same, but in steps of 10 ms.
    func processorTime() throws(LoadError) -> UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(processID, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw LoadError("There is no process \(processID), or it has ended; look at its log.")
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// How long its living threads have been ready to run and had no processor; nanoseconds. Says how much others were in the way.
    ///
    /// The second number of `/proc/<pid>/task/<tid>/schedstat`; 0 where the kernel does not count it.
    func waitedForProcessor() throws(LoadError) -> UInt64 {
        try threads().reduce(0) { sum, thread in
            let text = ProcFile.read("/proc/\(processID)/task/\(thread)/schedstat")
            return sum + (text?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0)
        }
    }

    /// The threads that it has.
    func threads() throws(LoadError) -> [pid_t] {
        guard let directory = opendir("/proc/\(processID)/task") else {
            throw LoadError("There is no process \(processID), or it has ended; look at its log.")
        }
        defer { closedir(directory) }
        var threads: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let thread = pid_t(name) { threads.append(thread) }
        }
        return threads
    }

    /// Its resident memory in bytes, from `/proc/<pid>/smaps_rollup`, which is counted page by page; `VmRSS` lags by up to 64 pages a
    /// processor.
    func residentBytes() throws(LoadError) -> Int {
        // Says so if the process is gone, which a file that cannot be read does not.
        _ = try processorTime()
        let path = "/proc/\(processID)/smaps_rollup"
        guard let text = ProcFile.read(path), let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Rss:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw LoadError("\(path) cannot be read; run the load as the user of the process it measures.") }
        return kibibytes * 1024
    }

    /// ``residentBytes()`` once it has stayed the same for half a second, or after five: handshakes leave things behind that are freed
    /// a little later.
    func settledResidentBytes() throws(LoadError) -> Int {
        var last = try residentBytes()
        var unchanged = 0
        let looks: UInt64 = 100_000_000
        _ = try MonotonicClock.wait(5_000_000_000, every: looks) { () throws(LoadError) -> Bool in
            let now = try residentBytes()
            unchanged = now == last ? unchanged + 1 : 0
            last = now
            return unchanged > 5
        }
        return last
    }
}
