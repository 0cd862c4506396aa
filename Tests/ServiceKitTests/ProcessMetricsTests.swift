import Foundation
import Glibc
import Testing

@testable import ServiceKit

@Suite struct ProcessMetricsTests {
    private func values() -> [String: Double] {
        var exposition = MetricsExposition()
        ProcessMetrics.collect(into: &exposition)
        let samples = exposition.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
        return Dictionary(uniqueKeysWithValues: samples.map { (String($0[0]), Double($0[1]) ?? .nan) })
    }

    @Test func valuesAreThoseOfThisProcess() throws {
        let values = values()
        let resident = try #require(values["process_resident_memory_bytes"])
        #expect(resident > 1_000_000 && resident < 100e9)
        #expect(try #require(values["process_virtual_memory_bytes"]) >= resident)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let cpu = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        #expect(try abs(#require(values["process_cpu_seconds_total"]) - cpu) < 1)
        let age = try Date.now.timeIntervalSince1970 - #require(values["process_start_time_seconds"])
        #expect(age > -2 && age < 3600)
        #expect(try #require(values["process_max_fds"]) >= 3)
    }

    @Test func openDescriptorsAreCounted() throws {
        let opened = (0..<200).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        defer { opened.forEach { close($0) } }
        #expect(opened.allSatisfy { $0 >= 0 })
        #expect(try #require(values()["process_open_fds"]) >= 203)
    }

    @Test func aNameMayContainAnything() throws {
        let line = "42 (a b) (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 12345 1048576 256 18446744073709551615 1 1 0"
        let stat = try #require(ProcessMetrics.Stat(line))
        #expect(stat.cpuTicks == 300)
        #expect(stat.startTicks == 12345)
        #expect(stat.virtualBytes == 1_048_576)
        #expect(stat.residentPages == 256)
    }

    @Test(arguments: ["", "42 (x", "42 (x) S 1 2", "42 (x) S " + Array(repeating: "x", count: 40).joined(separator: " ")])
    func nonsenseIsNoStat(_ line: String) {
        #expect(ProcessMetrics.Stat(line) == nil)
    }

    @Test func bootTimeIsFound() {
        #expect(ProcessMetrics.bootTime("cpu 1 2\nbtime 1700000000\nprocesses 3\n") == 1_700_000_000)
        #expect(ProcessMetrics.bootTime("cpu 1 2\n") == nil)
    }
}
