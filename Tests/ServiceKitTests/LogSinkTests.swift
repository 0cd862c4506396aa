import Foundation
import Glibc
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

/// A pipe whose reader decides when to read.
private final class SlowReader: @unchecked Sendable {
    let pipe = Pipe()

    /// `F_SETPIPE_SZ`, which the headers show to GNU programs alone.
    private static let setPipeSize: Int32 = 1031

    init() { _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, Self.setPipeSize, 4096) }

    var descriptor: Int32 { pipe.fileHandleForWriting.fileDescriptor }

    /// Closes the writing end and returns all that was written.
    func rest() throws -> [String] {
        try pipe.fileHandleForWriting.close()
        return try split(pipe.fileHandleForReading.readToEnd() ?? Data())
    }

    /// Reads lines until one satisfies a condition.
    func lines(until isLast: (String) -> Bool) throws -> [String] {
        var data = Data()
        while true {
            data += pipe.fileHandleForReading.availableData
            let found = split(data)
            if found.contains(where: isLast) { return found }
        }
    }

    private func split(_ data: Data) -> [String] {
        String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

@Suite(.timeLimit(.minutes(1))) struct LogSinkTests {
    private static let notice = LogNotice(label: "test-edge") { TextLogForm.render($0) }

    private func logger(_ sink: LogSink, tenant: String? = nil) -> Logger {
        var logger = Logger(label: "test-edge") { TextLogHandler(label: $0, sink: sink, logLevel: .trace) }
        if let tenant { logger[metadataKey: "tenant"] = "\(tenant)" }
        return logger
    }

    @Test func aReaderThatStandsStillHoldsNobodyUp() throws {
        let reader = SlowReader()
        let sink = LogSink(fileDescriptor: reader.descriptor, capacity: 64 * 1024)
        let logger = logger(sink)
        // Far more than the pipe and the queue take.
        for number in 0..<2000 { logger.info("line", metadata: ["n": "\(number)", "text": "\(String(repeating: "x", count: 100))"]) }
        #expect(sink.dropped > 0)
        #expect(!sink.flush(within: .milliseconds(50)))
        let dropped = sink.dropped
        let lines = try reader.lines { $0.contains("log lines were dropped") }
        // Written lines are complete and in order, followed by the count of dropped ones.
        let numbers = lines.compactMap { $0.firstMatch(of: /n=(\d+) text=x{100}$/).flatMap { Int($0.1) } }
        #expect(numbers == numbers.sorted())
        #expect(numbers.count + Int(dropped) == 2000)
        #expect(lines.last?.contains("log.dropped=\(dropped)") == true)
        logger.info("again")
        #expect(try reader.lines { $0.hasSuffix(": again") }.count == 1)
    }

    @Test func aReaderThatHasGoneDoesNotStopAnybody() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        BrokenPipes.ignore()
        let sink = LogSink(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        sink.write(Array("lost\n".utf8), Self.notice)
        #expect(sink.flush(within: .seconds(30)))
    }

    @Test func aFullNonBlockingDescriptorIsWaitedFor() throws {
        let reader = SlowReader()
        _ = fcntl(reader.descriptor, F_SETFL, fcntl(reader.descriptor, F_GETFL) | O_NONBLOCK)
        let sink = LogSink(fileDescriptor: reader.descriptor)
        for number in 0..<500 { logger(sink).info("line", metadata: ["n": "\(number)"]) }
        #expect(try reader.lines { $0.hasSuffix("n=499") }.count == 500)
        #expect(sink.dropped == 0)
    }

    /// One place in the program.
    private func complain(_ logger: Logger, _ level: Logger.Level = .warning) {
        logger.log(level: level, "a client did something")
    }

    private final class Clock: Sendable {
        let now = Mutex(ContinuousClock.Instant.now)

        func advance(_ duration: Duration) { now.withLock { $0 = $0.advanced(by: duration) } }
    }

    @Test func repeatedLinesAreSuppressedForEachTenant() throws {
        let reader = SlowReader()
        let clock = Clock()
        let rule = LogRepetition(allowance: 3, period: .seconds(10))
        let sink = LogSink(fileDescriptor: reader.descriptor, repetition: rule) { clock.now.withLock { $0 } }
        for _ in 0..<10 { complain(logger(sink, tenant: "loud")) }
        complain(logger(sink, tenant: "quiet"))
        logger(sink, tenant: "loud").warning("another place")
        sink.reportSuppressed()
        #expect(sink.suppressed == 7)
        clock.advance(.seconds(10))
        sink.reportSuppressed()
        complain(logger(sink, tenant: "loud"))
        #expect(sink.flush(within: .seconds(30)))
        let lines = try reader.rest()
        #expect(lines.count { $0.hasSuffix("a client did something tenant=loud") } == 4)
        #expect(lines.count { $0.hasSuffix("a client did something tenant=quiet") } == 1)
        #expect(lines.count { $0.hasSuffix("another place tenant=loud") } == 1)
        let told = lines.filter { $0.contains("repeated log lines were suppressed") }
        #expect(told.count == 1)
        #expect(told.first?.contains("warning test-edge") == true)
        #expect(told.first?.hasSuffix("log.message=\"a client did something\" log.suppressed=7 tenant=loud") == true)
    }

    @Test func theNextLineOfAPlaceTellsWhatWasSuppressedBefore() throws {
        let reader = SlowReader()
        let clock = Clock()
        let rule = LogRepetition(allowance: 1, period: .seconds(10))
        let sink = LogSink(fileDescriptor: reader.descriptor, repetition: rule) { clock.now.withLock { $0 } }
        complain(logger(sink))
        complain(logger(sink))
        clock.advance(.seconds(11))
        complain(logger(sink))
        // Whoever asks for these wants all of them, and the last words of a process are never too many.
        for _ in 0..<5 { complain(logger(sink), .debug) }
        for _ in 0..<5 { complain(logger(sink), .critical) }
        #expect(sink.flush(within: .seconds(30)))
        let lines = try reader.rest()
        #expect(lines.count { $0.contains(" warning ") && $0.hasSuffix("did something") } == 2)
        #expect(lines.count { $0.contains("log.suppressed=1") } == 1)
        #expect(lines.count { $0.contains(" debug ") } == 5)
        #expect(lines.count { $0.contains(" critical ") } == 5)
    }

    @Test func theEndOfTheProcessTellsWhatWasSuppressed() throws {
        let reader = SlowReader()
        let sink = LogSink(fileDescriptor: reader.descriptor, repetition: LogRepetition(allowance: 1))
        for _ in 0..<4 { complain(logger(sink)) }
        #expect(sink.flush(within: .seconds(30)))
        #expect(try reader.rest().count { $0.contains("log.suppressed=3") } == 1)
    }

    @Test func aPlaceIsForgottenWhenNothingHappensThere() throws {
        var rule = LogRepetition(allowance: 1, period: .seconds(10))
        let start = ContinuousClock.now
        let event = LogEvent(level: .info, message: "x", metadata: nil, source: nil, file: "f", function: "g", line: 1)
        // More tenants than are kept apart: the rest is one, and nothing grows.
        let verdicts = (0..<20_000).map { tenant in
            rule.judge(.init(file: "f", line: 1, tenant: "\(tenant)"), event, Self.notice, now: start).verdict
        }
        #expect(verdicts.count { $0 == .written } < 9000)
        #expect(rule.isPending)
        #expect(rule.due(now: start, endsAll: false).isEmpty)
        #expect(rule.due(now: start.advanced(by: .seconds(10)), endsAll: false).map(\.count) == [UInt64(verdicts.count { $0 != .written })])
        #expect(!rule.isPending)
    }
}
