import Basics
import FoundationEssentials
import Glibc

/// Process metrics from the kernel, under the names of Prometheus's client libraries. Reads `/proc` at every scrape; Linux only.
public enum ProcessMetrics {
    /// The exported fields of `/proc/self/stat` (proc_pid_stat(5)).
    struct Stat: Equatable {
        /// User and system time, in clock ticks.
        let cpuTicks: UInt64
        /// Since boot, in clock ticks.
        let startTicks: UInt64
        let virtualBytes: UInt64
        let residentPages: UInt64

        init?(_ line: String) {
            // The second field is the program's name in parentheses, which may contain blanks and parentheses too.
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

    /// Adds memory, CPU time, descriptors and start time to a scrape. Omits values that cannot be read.
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

    /// The process's limit of open descriptors; nil when unknown.
    package static var descriptorLimit: Int? {
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

    /// Returns the number of open descriptors; nil when unknown. Since Linux 6.2 it is the directory's size; older kernels need a listing, which takes
    /// milliseconds for ten thousand descriptors.
    static func openDescriptors() -> Int? {
        let directoryPath = "/proc/self/fd"
        let attributes = try? FileManager.default.attributesOfItem(atPath: directoryPath)
        if let count = attributes?[.size] as? Int, count > 0 { return count }
        guard let directory = opendir(directoryPath) else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            // Skips "." and "..". The descriptor of this listing is subtracted below.
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.first }
            if name != UInt8(ascii: ".") { count += 1 }
        }
        return count - 1
    }
}
