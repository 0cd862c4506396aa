import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import Synchronization
import SystemPackage

/// Runs a command and publishes its output as an agent's execution (``CommandReport``).
///
/// The command has priority: its output is forwarded at once, and publishing never blocks it. While the log is unreachable or slow, the
/// newest lines are buffered and the oldest dropped; `complain` gets the number of those that are not published.
struct CommandFollower: Sendable {
    /// Maximum number of lines waiting to be published.
    static let maximumWaiting = 4096
    /// Time limit for background processes that keep the output open.
    private static let linger: Duration = .seconds(1)

    let sink: any ExecutionSink
    let reference: ExecutionReference
    /// The execution's id.
    let run: ExecutionRun
    /// Whether another running execution is ended when this one begins.
    let replaces: Bool
    /// Time limit for one publish.
    let timeout: Duration
    /// Receives the command's output as it arrives.
    let passOn: @Sendable ([UInt8], CommandReport.Stream) -> Void
    let complain: @Sendable (String) -> Void

    /// Runs a command and follows it until it has ended, and its output is published or the time limit has passed.
    ///
    /// - Parameter forwarding: see ``WrappedCommand/run(forwarding:)``.
    /// - Returns: its outcome, and whether its final event is stored.
    /// - Throws: `WrappedCommand.StartError`; nothing is published then.
    func follow(
        _ command: WrappedCommand,
        forwarding: @escaping WrappedCommand.Forwarding
    ) async throws -> (outcome: WrappedCommand.Outcome, isReported: Bool) {
        let start = ContinuousClock.now
        let (events, queue) = AsyncStream.makeStream(of: ExecutionDraft.self, bufferingPolicy: .bufferingNewest(Self.maximumWaiting))
        let lines = WaitingLines(CommandReport(run: run), queue)
        // Another run is ended by the first event that is stored, and by no later one: who has replaced this run meanwhile goes on.
        let publishing = Task {
            var replaces = replaces
            for await event in events {
                guard let isStored = await publish(event, replacing: replaces) else { break }
                lines.settled()
                if isStored { replaces = false }
            }
            return replaces
        }
        let readers = [(command.output, CommandReport.Stream.output), (command.errors, .errors)].map { descriptor, stream in
            Task {
                await read(descriptor) { bytes, complete in
                    passOn(bytes, stream)
                    for line in complete { lines.add(line, from: stream) }
                }
            }
        }
        // Finished without an outcome too: `publishing` would wait for ever.
        defer { queue.finish() }
        let outcome = try await command.run(forwarding: forwarding)
        let milliseconds = Int(start.duration(to: .now) / .milliseconds(1))
        await atMost(Self.linger) { for reader in readers { await reader.value } }
        queue.finish()
        await atMost(timeout) { _ = await publishing.value }
        publishing.cancel()
        let stillReplaces = await publishing.value
        if lines.leftOut > 0 { complain("\(lines.leftOut) lines came faster than the log takes them and were not published") }
        let end = try CommandReport(run: run).end(outcome, milliseconds: milliseconds)
        let isReported = await publish(end, replacing: stillReplaces) ?? false
        return (outcome, isReported)
    }

    /// Publishes an event; reports a failure. Returns whether the event is stored; nil when the task was cancelled first.
    private func publish(_ event: ExecutionDraft, replacing replaces: Bool) async -> Bool? {
        do throws(ProducerError) {
            _ = try await sink.publish(event, to: reference, replacing: replaces, timeout: timeout)
            return true
        } catch {
            if error.code == .cancelled { return nil }
            complain("not published: \(error.message)")
            return false
        }
    }

    /// Reads a descriptor to its end and closes it; calls `take` with each read's bytes, and the lines that they complete.
    private func read(_ descriptor: Int32, _ take: ([UInt8], [[UInt8]]) -> Void) async {
        let input = StandardInput(descriptor: descriptor)
        var splitter = OutputSplitter(maximumBytes: CommandReport.maximumLineBytes)
        while let bytes = try? await input.read(maximumBytes: 1 << 16), !bytes.isEmpty { take(bytes, splitter.take(bytes)) }
        take([], [splitter.finish()].compactMap(\.self))
        try? FileDescriptor(rawValue: descriptor).close()
    }

    /// Runs `wait`, for at most `limit`.
    private func atMost(_ limit: Duration, _ wait: @escaping @Sendable () async -> Void) async {
        let done = OneShot<Void>()
        let waiting = Task {
            await wait()
            done.settle(())
        }
        try? await done.value(within: limit)
        waiting.cancel()
    }
}

/// Queues output lines as events, and counts those that are not published.
private final class WaitingLines: Sendable {
    private struct State {
        var report: CommandReport
        /// Lines that were neither stored nor reported.
        var open = 0
    }

    private let state: Mutex<State>
    private let queue: AsyncStream<ExecutionDraft>.Continuation

    init(_ report: CommandReport, _ queue: AsyncStream<ExecutionDraft>.Continuation) {
        state = Mutex(State(report: report))
        self.queue = queue
    }

    /// Number of lines that were dropped, or wait.
    var leftOut: Int { state.withLock { $0.open } }

    /// Records that a line is stored, or that its failure was reported.
    func settled() { state.withLock { $0.open -= 1 } }

    func add(_ line: [UInt8], from stream: CommandReport.Stream) {
        state.withLock { state in
            guard let event = try? state.report.event(line, from: stream) else { return }
            queue.yield(event)
            state.open += 1
        }
    }
}

/// Splits a program's output into lines.
///
/// A line ends with LF, CR or both, because programs redraw progress with CR. Blank lines are dropped, and lines are truncated to the
/// maximum length.
struct OutputSplitter: Sendable {
    private let maximumBytes: Int
    private var pending: [UInt8] = []

    /// - Parameter maximumBytes: maximum length of a line.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Appends bytes, and returns the lines that they complete.
    mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let line = finish() { lines.append(line) }
            } else if pending.count < maximumBytes {
                pending.append(byte)
            }
        }
        return lines
    }

    /// Returns the last line, if it has no line end; call at the end of the output.
    mutating func finish() -> [UInt8]? {
        defer { pending = [] }
        return pending.allSatisfy { $0 == 0x20 || $0 == 0x09 } ? nil : pending
    }
}
