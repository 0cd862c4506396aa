import Glibc
import OperatorCommands
import TestKit
import Testing

@testable import event_producer

/// Real child processes.
@Suite struct WrappedCommandTests {
    private struct Ended {
        let outcome: WrappedCommand.Outcome
        let output: String
        let errors: String
    }

    /// Runs a command to its end and reads both of its outputs to theirs.
    ///
    /// - Parameter afterwards: called when the command has ended, before its outputs are awaited.
    private func run(
        _ words: [String],
        forwarding: @escaping WrappedCommand.Forwarding = { _ in },
        afterwards: () throws -> Void = {}
    ) async throws -> Ended {
        let command = try WrappedCommand(words)
        async let output = Self.text(of: command.output)
        async let errors = Self.text(of: command.errors)
        let outcome = try await command.run(forwarding: forwarding)
        try afterwards()
        return Ended(outcome: outcome, output: await output, errors: await errors)
    }

    /// Reads a descriptor to its end, and closes it.
    private static func text(of descriptor: Int32) async -> String {
        let input = StandardInput(descriptor: descriptor)
        var text: [UInt8] = []
        while let bytes = try? await input.read(maximumBytes: 4096), !bytes.isEmpty { text += bytes }
        close(descriptor)
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: [
        ("exit 0", WrappedCommand.Outcome.exit(0), 0), ("exit 3", .exit(3), 3), ("kill -9 $$", .signal(SIGKILL), 137),
        ("kill -TERM $$", .signal(SIGTERM), 143),
    ])
    func theOutcomeIsThatOfTheCommand(_ script: String, _ outcome: WrappedCommand.Outcome, _ status: Int32) async throws {
        let ended = try await run(["sh", "-c", script])
        #expect(ended.outcome == outcome && ended.outcome.status == status)
    }

    @Test func bothOutputsAreReadToTheirEnds() async throws {
        let ended = try await run(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' o; head -c 200000 /dev/zero | tr '\\0' e >&2"])
        #expect(ended.outcome == .exit(0))
        #expect(ended.output == String(repeating: "o", count: 300_000))
        #expect(ended.errors == String(repeating: "e", count: 200_000))
    }

    /// What a background process of the command writes after its end is read too.
    @Test func outputAfterTheEndIsRead() async throws {
        let directory = try TemporaryDirectory()
        let end = directory.file("end")
        let script = "(until [ -e \(end) ]; do sleep 0.02; done; echo late) & echo now"
        let ended = try await run(["sh", "-c", script], afterwards: { _ = try directory.write("", to: "end") })
        #expect(ended.outcome == .exit(0) && ended.output == "now\nlate\n")
    }

    @Test func theFirstWordIsTheCommandsOwnName() async throws {
        #expect(try await run(["sh", "-c", "echo $0"]).output == "sh\n")
        #expect(try await run(["sh", "-c", "echo $0 $1", "zero", "o n e"]).output == "zero o n e\n")
    }

    /// The command inherits neither ignored nor blocked signals, nor a descriptor of ours, but the process group, so that a terminal
    /// signals both.
    @Test func aCommandBeginsWithACleanState() async throws {
        signal(SIGPIPE, SIG_IGN)
        let descriptor = open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        let script = "grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; ls /proc/self/fd"
        let lines = try await run(["sh", "-c", script]).output.split(separator: "\n").map { $0.split(separator: "\t").last ?? "" }
        try #require(lines.count > 3)
        // Signals 32 and 33 are those of the C library.
        for mask in lines.prefix(2) { #expect(try #require(UInt64(mask, radix: 16)) & 0x7FFF_FFFF == 0, "\(lines)") }
        #expect(Int32(lines[2]) == getpgrp())
        // The last one is the folder that ls reads.
        #expect(lines.dropFirst(3).map(String.init) == ["0", "1", "2", "3"])
    }

    /// The library's streams end here; signals are forwarded as long as the command runs.
    @Test func aSignalReachesACommandThatClosedItsOutputs() async throws {
        let directory = try TemporaryDirectory()
        let ready = directory.file("ready")
        let script = "trap 'exit 9' TERM; exec >&- 2>&-; : > \(ready); while :; do sleep 0.02; done"
        let ended = try await run(["sh", "-c", script]) { send in
            send(await eventually { access(ready, F_OK) == 0 } ? SIGTERM : SIGKILL)
        }
        #expect(ended.outcome == .exit(9))
    }

    @Test func forwardingEndsWithTheCommand() async throws {
        let ended = try await run(["true"]) { send in
            _ = await eventually(timeout: .seconds(600)) { false }
            // The process id is freed when this returns, so the signal goes to the ended command, if to any.
            send(SIGTERM)
        }
        #expect(ended.outcome == .exit(0))
    }

    @Test(
        arguments: [
            ("/no/such/program", "No such file or directory", 127), ("no-such-program", "No such file or directory", 127),
            ("", "No such file or directory", 127), ("/etc/passwd", "Permission denied", 126), ("/etc", "Permission denied", 126),
            ("/etc/passwd/below", "Not a directory", 126),
        ] as [(String, String, Int32)]
    )
    func whatCannotBeRunIsExplained(_ word: String, _ reason: String, _ status: Int32) async throws {
        let command = try WrappedCommand([word])
        let error = await #expect(throws: WrappedCommand.StartError.self) { try await command.run { _ in } }
        #expect(error?.message == "\(word) cannot be run: \(reason)" && error?.status == status)
        // The other ends are closed.
        #expect(await Self.text(of: command.output) == "")
        #expect(await Self.text(of: command.errors) == "")
    }

    @Test func aCommandWhoseInterpreterIsMissingIsNotFound() async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("#!/no/such/interpreter\n", to: "script")
        chmod(path, 0o700)
        let command = try WrappedCommand([path])
        #expect(await #expect(throws: WrappedCommand.StartError.self) { try await command.run { _ in } }?.status == 127)
        _ = await (Self.text(of: command.output), Self.text(of: command.errors))
    }
}
