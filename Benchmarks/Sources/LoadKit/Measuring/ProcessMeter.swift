import Glibc

/// Measures a process from outside.
struct ProcessMeter: Sendable {
    /// Above every process id: Linux counts to 2²² (`PID_MAX_LIMIT`), and a greater number would name another clock.
    static let maximumProcessID: pid_t = 1 << 22

    let processID: pid_t

    /// Returns the CPU time of all threads, ended ones included, in user and kernel mode; nanoseconds.
    ///
    /// Read from the process's CPU clock (clock_getcpuclockid(3)), because `/proc/<pid>/stat` counts in steps of 10 ms.
    func processorTime() throws(LoadError) -> UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(processID, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw LoadError("There is no process \(processID), or it has ended; look at its log.")
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Returns how long its living threads were runnable without a CPU; nanoseconds. Shows interference by other processes.
    ///
    /// The second number of `/proc/<pid>/task/<tid>/schedstat`; 0 where the kernel does not count it.
    func waitedForProcessor() throws(LoadError) -> UInt64 {
        try threads().reduce(0) { sum, thread in
            let text = ProcFile.read("/proc/\(processID)/task/\(thread)/schedstat")
            return sum + (text?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0)
        }
    }

    /// Returns its threads.
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

    /// Returns its resident memory in bytes, from `/proc/<pid>/smaps_rollup`, which counts pages exactly; `VmRSS` lags by up to 64 pages
    /// per CPU.
    func residentBytes() throws(LoadError) -> Int {
        // Reports a process that has ended, which an unreadable file does not.
        _ = try processorTime()
        let path = "/proc/\(processID)/smaps_rollup"
        guard let text = ProcFile.read(path), let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Rss:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw LoadError("\(path) cannot be read; run the load as the user of the process it measures.") }
        return kibibytes * 1024
    }

    /// Returns ``residentBytes()`` once it is constant for three seconds, or after twenty: a process gives the memory of a burst back when it has
    /// been quiet for a second.
    func settledResidentBytes() throws(LoadError) -> Int {
        var last = try residentBytes()
        var unchanged = 0
        let looks: UInt64 = 100_000_000
        _ = try MonotonicClock.wait(20_000_000_000, every: looks) { () throws(LoadError) -> Bool in
            let now = try residentBytes()
            unchanged = now == last ? unchanged + 1 : 0
            last = now
            return unchanged >= 30
        }
        return last
    }
}
