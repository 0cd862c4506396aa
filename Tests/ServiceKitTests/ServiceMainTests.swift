import ArgumentParser
import EventLog
import Foundation
import Glibc
import Logging
import Metrics
import ServiceLifecycle
import Testing

@testable import ServiceKit

/// Each test runs in its own process, because a program exits.
@Suite struct ServiceMainTests {
    private func text(_ bytes: [UInt8]?) -> String {
        String(decoding: bytes ?? [], as: UTF8.self)
    }

    @Test func answersQuestionsOnStandardOutput() async {
        // One closure each: what a closure captures reaches the other process with Swift 6.3 only.
        let results = [
            await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) { await answer("--help") },
            await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) { await answer("--version") },
            await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) { await answer("--print-config") },
        ]
        for (result, answer) in zip(results, ["USAGE: test-edge", "test-edge 1.2.3\n", "# test-edge 1.2.3\n"]) {
            let output = text(result?.standardOutputContent)
            #expect(output.contains(answer))
        }
    }

    @Test func aMistakeOnTheCommandLineIsOneSentence() async {
        let result = await #expect(processExitsWith: .exitCode(64), observing: [\.standardErrorContent, \.standardOutputContent]) {
            await TestProgram.run(["--http-prot=1"])
        }
        #expect(
            text(result?.standardErrorContent)
                == "test-edge: Unknown option '--http-prot'. Did you mean '--http-port'? --help lists the options\n"
        )
        let output = text(result?.standardOutputContent)
        // The test library writes a few bytes there, too.
        #expect(!output.contains("test-edge"))
    }

    @Test func aMistakeInTheEnvironmentIsOneSentence() async {
        let result = await #expect(processExitsWith: .exitCode(78), observing: [\.standardErrorContent]) {
            setenv("LOG_LEVEL", "loud", 1)
            await TestProgram.run([])
        }
        #expect(
            text(result?.standardErrorContent)
                == "test-edge: log.level cannot be \"loud\" (environment variable LOG_LEVEL): use trace, debug, info, notice, warning, error or critical\n"
        )
    }

    /// The message of the one line that a log ends with, which is critical.
    private func lastWords(_ log: [UInt8]?) throws -> String {
        let line = try #require(text(log).split(separator: "\n").last)
        let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(entry["level"] as? String == "critical")
        #expect(entry["logger"] as? String == "test-edge")
        return try #require(entry["message"] as? String)
    }

    @Test func anErrorEndsTheLogWithItsSentence() async throws {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            try await ServiceMain.run(SettingsArguments<TestProgram>.parse([])) { process in
                process.logger.info("Before it")
                throw EventLogError(code: .incompatibleStream, message: "The stream EVENTS cannot be the log.")
            }
        }
        let log = text(result?.standardErrorContent)
        #expect(log.contains("Before it"))
        #expect(try lastWords(result?.standardErrorContent) == "The stream EVENTS cannot be the log.")
    }

    @Test func formerNamesAreOneWarning() async {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            try await ServiceMain.run(SettingsArguments<TestProgram>.parse(["--log-max-age=3d", "--log-storage=memory"])) { _ in
                throw EventLogError(code: .incompatibleStream, message: "The stream EVENTS cannot be the log.")
            }
        }
        let lines = text(result?.standardErrorContent).split(separator: "\n").filter { $0.contains("\"level\":\"warning\"") }
        #expect(lines.count == 1)
        for name in ["MAX_AGE", "STORAGE"] { #expect(lines.first?.contains("LOG_\(name) is now EVENT_LOG_\(name)") == true) }
    }

    @Test func aProcessWithoutAnyKeyRefusesToStart() async throws {
        let result = await #expect(processExitsWith: .exitCode(78), observing: [\.standardErrorContent]) {
            try await ServiceMain.run(SettingsArguments<TestProgram>.parse([])) { process in
                _ = try process.settings.accessControlConfiguration()
                exit(99)
            }
        }
        #expect(
            try lastWords(result?.standardErrorContent)
                == "there is no key to check tokens with: set AUTH_HS256_SECRET, AUTH_PUBLIC_KEY_FILE, AUTH_JWKS_FILE or AUTH_JWKS_URL"
        )
    }

    @Test func aBusyPortIsOneSentence() async throws {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &address) { bytes in
                let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
                _ = bind(taken, pointer, length)
                _ = listen(taken, 1)
                _ = getsockname(taken, pointer, &length)
            }
            let port = UInt16(bigEndian: address.sin_port)
            let settings = try SettingsArguments<TestProgram>.parse(["--admin-port", "\(port)", "--log-level=critical"])
            try await ServiceMain.run(settings) { process in
                try await process.run([])
            }
        }
        let said = try lastWords(result?.standardErrorContent)
        #expect(said.hasPrefix("port "))
        #expect(said.hasSuffix("is in use by another process: stop that one, or choose another port with --admin-port (ADMIN_PORT)"))
        #expect(text(result?.standardErrorContent).split(separator: "\n").count == 1)
    }

    @Test func runsUntilASignalComes() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardErrorContent]) {
            try await ServiceMain.run(SettingsArguments<TestProgram>.parse(["--admin-port=0", "--log-format=text"])) { process in
                try await process.run([Interrupting(metrics: process.metrics)])
            }
            // An exit test keeps what was written until its body returns, and the log has a thread.
            LogSink.standardError.flush(within: .seconds(60))
        }
        let log = text(result?.standardErrorContent)
        #expect(log.contains("info    test-edge: Stopping signal=SIGTERM\n"))
    }
}

/// A program run only for its help or version.
private func answer(_ argument: String) async {
    await TestProgram.run([argument])
}

/// Ends the process as soon as it runs.
private struct Interrupting: Service {
    let metrics: PrometheusMetrics

    func run() async throws {
        Counter(label: "bootstrapped").increment()
        guard metrics.render().contains("\nbootstrapped_total 1\n") else { exit(98) }
        kill(getpid(), SIGTERM)
        try await gracefulShutdown()
    }
}
