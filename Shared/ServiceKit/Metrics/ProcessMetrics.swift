import Basics
import FoundationEssentials
import Glibc

/// What the kernel knows of this process, under the names that Prometheus' own libraries use. Linux: read from `/proc` at every scrape.
public enum ProcessMetrics {
    /// The fields of `/proc/self/stat` (proc_pid_stat(5)) that are shown.
    struct Stat: Equatable {
        /// User and system time, in clock ticks.
        let cpuTicks: UInt64
        /// Since boot, in clock ticks.
        let startTicks: UInt64
        let virtualBytes: UInt64
        let residentPages: UInt64

        init?(_ line: String) {
            // The second field is the program's name in parentheses, and may itself contain blanks and parentheses.
            guard let nameEnd = line.lastIndex(of: ")") else { return nil }
            let fields = line[nameEnd...].split(separator: " ")
            guard fields.count > 22, let user = UInt64(fields[12]), let system = UInt64(fields[13]), let start = UInt64(fields[20]),
                let virtual = UInt64(fields[21]), let resident = UInt64(fields[22])
            else { return nil }
            cpuTicks = user + system
            startTicks = start
            virtualBytes = virtual
            residentPages = resident
        }
    }

    private static let maximumBytes = 1024 * 1024

    /// Adds memory, CPU time, descriptors and the time of start to a scrape. What cannot be read is left out.
    public static func collect(into exposition: inout MetricsExposition) {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        if let stat = content(of: "/proc/self/stat").flatMap(Stat.init) {
            exposition.gauge(
                "process_resident_memory_bytes",
                help: "Resident memory.",
                stat.residentPages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
            )
            exposition.gauge("process_virtual_memory_bytes", help: "Virtual memory.", stat.virtualBytes)
            exposition.counter("process_cpu_seconds_total", help: "User and system CPU time.", Double(stat.cpuTicks) / ticks)
            if let boot = content(of: "/proc/stat").flatMap(bootTime) {
                let start = Double(boot) + Double(stat.startTicks) / ticks
                exposition.gauge("process_start_time_seconds", help: "Time of start, in seconds since 1970.", start)
            }
        }
        if let count = openDescriptors() {
            exposition.gauge("process_open_fds", help: "Open file descriptors.", count)
        }
        if let limit = descriptorLimit {
            exposition.gauge("process_max_fds", help: "Limit of open file descriptors.", limit)
        }
    }

    /// How many descriptors the process may have open; nil when that cannot be said.
    static var descriptorLimit: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// Seconds since 1970, from the `btime` line of `/proc/stat`.
    static func bootTime(_ text: String) -> UInt64? {
        text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { UInt64($0.dropFirst("btime ".count)) }
    }

    private static func content(of path: String) -> String? {
        (try? BoundedFile.read(path, maximumBytes: maximumBytes)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Since Linux 6.2 the size of the directory is their number; before, it must be listed, which takes milliseconds at ten thousands.
    static func openDescriptors() -> Int? {
        let directoryPath = "/proc/self/fd"
        let attributes = try? FileManager.default.attributesOfItem(atPath: directoryPath)
        if let count = attributes?[.size] as? Int, count > 0 { return count }
        guard let directory = opendir(directoryPath) else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            // Neither "." and ".." nor the descriptor that lists.
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.first }
            if name != UInt8(ascii: ".") { count += 1 }
        }
        return count - 1
    }
}
