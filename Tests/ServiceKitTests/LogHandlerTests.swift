import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite struct LogHandlerTests {
    private let directory: TemporaryDirectory
    private let file: FileHandle
    private let sink: LogSink

    init() throws {
        directory = try TemporaryDirectory()
        file = try FileHandle(forUpdating: URL(filePath: directory.write("", to: "log")))
        sink = LogSink(fileDescriptor: file.fileDescriptor)
    }

    private var lines: [String] {
        get throws {
            #expect(sink.flush(within: .seconds(30)))
            let text = try String(contentsOfFile: directory.file("log"), encoding: .utf8)
            #expect(text.isEmpty || text.hasSuffix("\n"))
            return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    private func logger(
        _ format: String = "json",
        level: Logger.Level = .trace,
        metadata: Logger.Metadata = [:],
        provider: Logger.MetadataProvider? = nil
    ) -> Logger {
        let sink = sink
        var logger = Logger(label: "test-edge") { label in
            switch format {
            case "json": JSONLogHandler(label: label, sink: sink, logLevel: level, metadataProvider: provider)
            default: TextLogHandler(label: label, sink: sink, logLevel: level, metadataProvider: provider)
            }
        }
        for (key, value) in metadata { logger[metadataKey: key] = value }
        return logger
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func theRequestIDOfHummingbirdIsShownUnderOurKey() throws {
        var logger = self.logger()
        logger[metadataKey: "hb.request.id"] = "first"
        logger[metadataKey: "hb.request.id"] = "req_1"
        #expect(logger[metadataKey: "hb.request.id"] == "req_1")
        logger.info("Request")
        let entry = try object(try #require(lines.first))
        #expect(entry["metadata"] as? [String: String] == ["request.id": "req_1"])
    }

    @Test func jsonHasTheFieldsOfAnEntry() throws {
        logger(metadata: ["a": "logger", "b": "logger"], provider: .init { ["b": "provider", "c": "provider"] })
            .warning("Something", metadata: ["c": "entry", "n": ["x", ["k": "v"]], "i": .stringConvertible(7)], source: "Here")
        let entry = try object(try #require(lines.first))
        #expect(entry["level"] as? String == "warning")
        #expect(entry["logger"] as? String == "test-edge")
        #expect(entry["source"] as? String == "Here")
        #expect(entry["message"] as? String == "Something")
        let metadata = try #require(entry["metadata"] as? [String: Any])
        #expect(metadata["a"] as? String == "logger")
        #expect(metadata["b"] as? String == "provider")
        #expect(metadata["c"] as? String == "entry")
        #expect(metadata["i"] as? String == "7")
        let nested = try #require(metadata["n"] as? [Any])
        #expect(nested[0] as? String == "x")
        #expect(nested[1] as? [String: String] == ["k": "v"])
        let time = try #require(entry["time"] as? String)
        let date = try #require(try? Date(time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        #expect(abs(date.timeIntervalSinceNow) < 60)
    }

    @Test func textIsReadable() throws {
        logger("text", metadata: ["stream": "EVENTS"]).info(
            "Stream opened",
            metadata: ["reason": "a \"b\" c", "empty": "", "list": ["x", ["k": "v"]]]
        )
        let line = try #require(lines.first)
        #expect(
            line.drop { $0 != " " }
                == " info    test-edge: Stream opened empty=\"\" list=\"[x, {k: v}]\" reason=\"a \\\"b\\\" c\" stream=EVENTS"
        )
        #expect(line.prefix { $0 != " " }.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test(arguments: ["json", "text"])
    func anEntryIsOneLineWhateverItSays(_ format: String) throws {
        let nasty = "a\nb\r\tc\u{0}\u{1B}[31m\u{7F}\u{9B}31m\u{2028}\u{202E}d\"\\ü🙂"
        logger(format).error("\(nasty)", metadata: ["\(nasty)": "\(nasty)"])
        let line = try #require(lines.first)
        #expect(try lines.count == 1)
        #expect(!line.unicodeScalars.contains { $0.isLogControl })
        #expect(line.contains("ü🙂"))
        if format == "json" {
            let entry = try object(line)
            #expect(entry["message"] as? String == nasty)
            #expect(entry["metadata"] as? [String: String] == [nasty: nasty])
        }
    }

    @Test(arguments: ["json", "text"])
    func errorsAndLevelsArePassedOn(_ format: String) throws {
        struct Broken: Error, CustomStringConvertible { let description = "it is broken" }
        let logger = logger(format, level: .warning)
        logger.info("not this")
        logger.error("this", error: Broken())
        #expect(try lines.count == 1)
        #expect(try lines[0].contains("it is broken"))
    }

    @Test(arguments: ["json", "text"])
    func aLineIsBounded(_ format: String) throws {
        let long = String(repeating: "x", count: 1_000_000)
        logger(format).info(
            "\(long)",
            metadata: ["a": "short", "b": "\(long)", "c": .array(Array(repeating: "\(long)", count: 100)), "z": "last"]
        )
        let line = try #require(lines.first)
        #expect(line.utf8.count < 2 * LogLine.maximumLineBytes)
        #expect(line.contains("short"))
        #expect(line.contains("…"))
        if format == "json" { #expect(try object(line)["truncated"] as? Bool == true) }
    }

    @Test func depthIsBounded() throws {
        let deep = (0..<1000).reduce(Logger.MetadataValue.string("x")) { inner, _ in [inner] }
        logger().info("deep", metadata: ["deep": deep])
        logger("text").info("deep", metadata: ["deep": deep])
        #expect(try object(lines[0])["metadata"] != nil)
        #expect(try lines[1].utf8.count < 200)
    }

    @Test(arguments: ["json", "text"])
    func concurrentEntriesDoNotMix(_ format: String) async throws {
        let logger = logger(format)
        let text = String(repeating: "y", count: 6000)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for entry in 0..<50 { logger.info("entry", metadata: ["id": "\(task)-\(entry)", "text": "\(text)"]) }
                }
            }
        }
        let lines = try lines
        #expect(lines.count == 400)
        let suffix = format == "json" ? "\"text\":\"\(text)\"}}" : " text=\(text)"
        #expect(lines.allSatisfy { $0.hasSuffix(suffix) })
        #expect(Set(lines.compactMap { $0.firstMatch(of: /\d-\d+[ "]/).map { String($0.0) } }).count == 400)
    }

    @Test(arguments: ["json", "text"])
    func noTokenPasses(_ format: String) throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
        logger(format, metadata: ["uri": "/v1/stream?token=opaque&workspace=w"]).info(
            "GET /v1/stream?token=\(token) failed",
            metadata: [
                "header": "Bearer \(token)", "list": ["\(token)"], "nested": ["authorization": "opaque", "deeper": ["password": "opaque"]],
                "Authorization": "opaque", "\(token)": "key",
            ],
            source: "S"
        )
        let line = try #require(lines.first)
        #expect(!line.contains("eyJ"))
        #expect(!line.contains("opaque"))
        #expect(line.contains("GET /v1/stream?token=<redacted> failed"))
        #expect(line.contains("/v1/stream?token=<redacted>&workspace=w"))
    }
}
