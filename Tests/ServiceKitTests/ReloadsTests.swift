import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite struct ReloadsTests {
    private struct Broken: Error {}

    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test func everythingIsReadAgainEvenIfAPartFails() async {
        let reloads = Reloads(logger: logger)
        let read = Mutex<[String]>([])
        reloads.add("broken") { throw Broken() }
        reloads.add("keys") { read.withLock { $0.append("keys") } }
        await reloads.reloadAll()
        await reloads.reloadAll()
        #expect(read.withLock { $0 } == ["keys", "keys"])
    }

    @Test func changesAreSeenUntilTheProcessStops() async throws {
        let directory = try TemporaryDirectory()
        let reloads = Reloads(logger: logger, interval: .milliseconds(5))
        let count = Mutex(0)
        reloads.add("keys", files: FileStates([try directory.write("1", to: "keys")])) { count.withLock { $0 += 1 } }
        let watching = Task { try await reloads.run() }
        try directory.write("12", to: "keys")
        #expect(await eventually { count.withLock { $0 } > 0 })
        watching.cancel()
        _ = await watching.result
    }

    @Test("A file that is written, replaced, removed or created is read again, once, and no other one")
    func changes() async throws {
        let directory = try TemporaryDirectory()
        let (changing, other) = (try directory.write("1", to: "changing"), try directory.write("1", to: "other"))
        let link = directory.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: other)
        let reloads = Reloads(logger: logger)
        let read = Mutex<[String]>([])
        reloads.add("changing", files: FileStates([changing])) { read.withLock { $0.append("changing") } }
        reloads.add("link", files: FileStates([other, link])) { read.withLock { $0.append("link") } }
        func expectRead(_ expected: [String], after change: () throws -> Void) async throws {
            try change()
            for _ in 1...2 { await reloads.reloadChanged() }
            #expect(read.withLock { $0 } == expected)
            read.withLock { $0 = [] }
        }
        try await expectRead([]) {}
        try await expectRead(["changing"]) { try directory.write("12", to: "changing") }
        // Same size and perhaps the same time, but another file.
        try await expectRead(["changing"]) {
            try directory.write("21", to: "new")
            #expect(rename(directory.file("new"), changing) == 0)
        }
        try await expectRead(["changing"]) { try FileManager.default.removeItem(atPath: changing) }
        try await expectRead(["changing"]) { try directory.write("1", to: "changing") }
        // As container platforms mount secrets.
        try await expectRead(["link"]) {
            try directory.write("1", to: "target")
            try FileManager.default.removeItem(atPath: link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.file("target"))
        }
    }

    @Test("A change between the first reading and the start of the polling is seen")
    func earlyChange() async throws {
        let directory = try TemporaryDirectory()
        let files = FileStates([try directory.write("1", to: "keys")])
        try directory.write("12", to: "keys")
        let reloads = Reloads(logger: logger)
        let count = Mutex(0)
        reloads.add("keys", files: files) { count.withLock { $0 += 1 } }
        await reloads.reloadChanged()
        #expect(count.withLock { $0 } == 1)
    }

    @Test("A failed reload is repeated until it succeeds, and logged once for each cause")
    func failures() async throws {
        let directory = try TemporaryDirectory()
        let lines = Lines()
        let reloads = Reloads(logger: lines.logger)
        let failure = Mutex<String?>("no permission")
        reloads.add("keys", files: FileStates([try directory.write("1", to: "keys")])) {
            if let failure = failure.withLock({ $0 }) { throw Failure(description: failure) }
        }
        await reloads.reloadChanged()
        #expect(lines.taken().isEmpty)
        try directory.write("12", to: "keys")
        for _ in 1...3 { await reloads.reloadChanged() }
        #expect(lines.taken() == ["error no permission"])
        failure.withLock { $0 = "not JSON" }
        for _ in 1...3 { await reloads.reloadChanged() }
        #expect(lines.taken() == ["error not JSON"])
        // Somebody who sends a signal waits for an answer.
        await reloads.reloadAll()
        #expect(lines.taken().last == "error not JSON")
        failure.withLock { $0 = nil }
        for _ in 1...3 { await reloads.reloadChanged() }
        #expect(lines.taken() == ["info reloaded"])
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}

/// The lines of a logger: the level, and the error or else the message.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    /// The lines since the last call.
    func taken() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let text = event.metadata?["error"].map { "\($0)" } ?? "\(event.message)"
            lines.lines.withLock { $0.append("\(event.level) \(text)") }
        }
    }
}
