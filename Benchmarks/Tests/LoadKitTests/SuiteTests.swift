import Glibc
import Testing

@testable import LoadKit

@Suite struct SuiteOptionsTests {
    private static let complete = "--programs /p --yardstick /y --nats-server /n --directory /d"

    private func options(_ text: String, secret: String? = "s") throws -> SuiteOptions {
        try SuiteOptions(
            arguments: text.split(separator: " ").map(String.init),
            environment: { $0 == "AUTH_HS256_SECRET" ? secret : nil },
            executableDirectory: "/tools"
        )
    }

    @Test func everyOptionIsRead() throws {
        let options = try options(Self.complete + " --only intake,handshakes --rounds 5")
        #expect(options.programs == "/p")
        #expect(options.yardstick == "/y")
        #expect(options.natsServer == "/n")
        #expect(options.directory == "/d")
        #expect(options.bareLoop == "/tools/bare-loop")
        #expect(options.chosen == ["intake", "handshakes"])
        #expect(options.rounds == 5)
        #expect(options.size(100, quick: 1) == 100)
    }

    @Test func aQuickRunIsSmallAndHasOneRound() throws {
        let options = try options("--quick " + Self.complete)
        #expect(options.rounds == 1)
        #expect(options.size(100, quick: 1) == 1)
        #expect(options.chosen == Suite.names)
    }

    @Test(arguments: ["", "--rounds", "--only nothing", "--only", "--surface relay", "--rounds 0"])
    func whatCannotBeDoneIsRefused(more: String) {
        let text = more.isEmpty ? "--programs /p" : "\(Self.complete) \(more)"
        #expect(throws: LoadError.self) { try options(text) }
    }

    @Test func withoutASecretNothingCanBeStarted() {
        #expect(throws: LoadError.self) { try options(Self.complete, secret: nil) }
    }
}

@Suite struct SuiteRowTests {
    @Test func aRatioIsOfTheValuesOfOneRound() {
        let row = SuiteRow(
            title: "t",
            unit: "µs",
            digits: 1,
            values: [20, 60, 30],
            reference: SuiteRow.Reference(name: "bare C", values: [10, 20, 10]),
            target: "≤ 2.5"
        )
        #expect(row.columns() == ["30.0 µs", "bare C 10.0", "3.00 (2.00–3.00)", "≤ 2.5"])
    }

    @Test func withoutReferenceThereIsNoRatio() {
        let row = SuiteRow(title: "t", unit: "bytes", digits: 0, values: [1000, 1200], target: "≤ 350")
        #expect(row.columns() == ["1,100 bytes", nil, nil, "≤ 350"])
    }
}

@Suite struct ServerProcessTests {
    private func start(_ script: String) throws -> ServerProcess {
        try ServerProcess(path: "/bin/sh", arguments: ["-c", script], environment: ["ANSWER": "42"], log: "/dev/null")
    }

    @Test func itIsStoppedAndReaped() throws {
        let process = try start("exec sleep 600")
        #expect(kill(process.processID, 0) == 0)
        process.stop()
        #expect(kill(process.processID, 0) == -1)
    }

    @Test func aProgramThatEndsAtItsStartIsSaidSo() throws {
        let process = try start("exit 1")
        #expect(throws: LoadError.self) { try process.awaitReady { false } }
    }

    @Test func itGetsItsVariablesBesidesOurs() throws {
        let process = try start("test \"$ANSWER\" = 42 && test -n \"$PATH\" && exec sleep 600")
        defer { process.stop() }
        // With a wrong variable, the shell would exit instead of becoming `sleep`.
        try process.awaitReady { ProcFile.read("/proc/\(process.processID)/comm") == "sleep\n" }
    }

    @Test func aProgramThatIsMissingIsSaidSo() {
        #expect(throws: LoadError.self) { try ServerProcess(path: "/nothing/here", log: "/dev/null") }
    }
}
