import Basics
import EventLog
import EventModel
import Foundation
import GRDB
import HTTPAPI
import TestKit
import Testing

@testable import approval_api

/// The files that are replaced, and those that never are.
@Suite struct ReadModelFileTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("model.sqlite") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: path)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        return model
    }

    private func apply(_ entries: [LogEntry], to model: ReadModel) async throws {
        try await model.take(entries)
        try await model.take(entries.map { try Fixture.record(of: $0) })
    }

    /// Everything in the directory, by name.
    private func contents() throws -> [String: Data] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        return Dictionary(uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: directory.file($0)) ?? Data()) })
    }

    @Test func anotherVersionIsMadeAnew() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a")], to: model)
            try await model.write(model.generation) { try $0.execute(sql: "PRAGMA user_version = 99") }
        }
        let model = try ReadModel(path: path)
        #expect(try await model.progress().logPosition == 0)
        #expect(try await model.progress(of: .approvals).position == 0)
    }

    /// As version 1 of this service left it: no marker file, and other tables.
    @Test func aFileOfAFormerVersionIsMadeAnew() async throws {
        let former = try DatabaseQueue(path: path)
        try await former.write { database in
            try database.execute(sql: "CREATE TABLE progress (only INTEGER, log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL)")
            try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            try database.execute(sql: "PRAGMA user_version = 2")
        }
        try former.close()
        try directory.write("", to: "model.sqlite-wal")
        let model = try ReadModel(path: path)
        #expect(try await model.progress().logPosition == 0)
        #expect(try await model.progress(of: .approvals).position == 0)
    }

    /// The file is damaged while no process runs: pages with its table list, but not its header.
    @Test(arguments: [100..<4096, 4096..<8192, 8192..<30_000]) func aDamagedFileIsMadeAnew(_ range: Range<Int>) async throws {
        do {
            let model = try await model()
            try await apply(try (1...200 as ClosedRange<UInt64>).map { try Fixture.request("a\($0)", at: $0) }, to: model)
        }
        var content = try #require(FileManager.default.contents(atPath: path))
        content.replaceSubrange(range, with: Data(repeating: 0xFF, count: range.count))
        try content.write(to: URL(filePath: path))
        let model = try ReadModel(path: path, patience: .milliseconds(1))
        // As the followers do: after any error from the damage, the next attempt uses a new file.
        for _ in 0..<2 {
            do {
                try await model.open()
                _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
                try await apply([try Fixture.request("a", at: 500)], to: model)
                try await model.write(model.generation) { try $0.execute(sql: "UPDATE approvals SET description = NULL") }
            } catch is StorageTrouble {}
        }
        // A recreated file answers no reads until it has caught up.
        model.noteLogCaughtUp(model.generation)
        model.noteCaughtUp(.inbox, model.generation)
        model.noteCaughtUp(.approvals, model.generation)
        #expect(try await model.progress().logPosition == 500)
        #expect(try await model.read(for: .process) { try String.fetchOne($0, sql: "PRAGMA quick_check") } == "ok")
    }

    @Test func emptyFilesAndNoneAreTaken() throws {
        try directory.write("", to: "model.sqlite")
        _ = try ReadModel(path: path)
        _ = try ReadModel(path: directory.file("none.sqlite"))
    }

    // MARK: What is not ours

    /// Kinds of foreign files at the name `model.sqlite` or one of its companions.
    enum Foreign: String, CaseIterable {
        case letter, database, ourNumber, damagedDatabase, damagedNumber, directory, linkToNothing, linkToLetter, pipe
        case writeAheadLog, sharedMemory, journal, lock, lockDirectory, new
    }

    private func make(_ foreign: Foreign) throws {
        func database(_ name: String, _ sql: String = "", damaged: Bool = false) throws {
            let other = try DatabaseQueue(path: directory.file(name))
            try other.write { try $0.execute(sql: "CREATE TABLE precious (x); INSERT INTO precious VALUES (zeroblob(9000)); \(sql)") }
            try other.close()
            guard damaged else { return }
            var content = try #require(FileManager.default.contents(atPath: directory.file(name)))
            content.replaceSubrange(100..<8000, with: Data(repeating: 0xFF, count: 7900))
            try content.write(to: URL(filePath: directory.file(name)))
        }
        let number = "PRAGMA application_id = \(Schema.applicationID)"
        switch foreign {
        case .letter: try directory.write("Dear reader", to: "model.sqlite")
        case .database: try database("model.sqlite")
        case .ourNumber: try database("model.sqlite", number)
        case .damagedDatabase: try database("model.sqlite", damaged: true)
        case .damagedNumber: try database("model.sqlite", number, damaged: true)
        case .directory:
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try directory.write("Dear reader", to: "model.sqlite/letter")
        case .linkToNothing: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory.file("nothing"))
        case .linkToLetter:
            try directory.write("Dear reader", to: "letter")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory.file("letter"))
        case .pipe: #expect(mkfifo(path, 0o600) == 0)
        case .writeAheadLog: try directory.write("Dear reader", to: "model.sqlite-wal")
        case .sharedMemory: try directory.write("Dear reader", to: "model.sqlite-shm")
        case .journal: try directory.write("Dear reader", to: "model.sqlite-journal")
        case .lock: try directory.write("Dear reader", to: "model.sqlite-lock")
        case .lockDirectory: try FileManager.default.createDirectory(atPath: path + "-lock", withIntermediateDirectories: false)
        case .new: try directory.write("Dear reader", to: "model.sqlite-new")
        }
    }

    @Test(arguments: Foreign.allCases) func whatIsNotOursIsLeftAlone(_ foreign: Foreign) throws {
        try make(foreign)
        let before = foreign == .pipe ? [:] : try contents()
        let error = #expect(throws: ReadModelError.self) { try ReadModel(path: path) }
        #expect(error?.description.contains("is not a read model of approval-api") == true, "\(String(describing: error))")
        #expect(error?.description.contains("name another file") == true)
        guard foreign != .pipe else { return }
        #expect(try contents() == before, "nothing is changed, and nothing is put beside it")
    }

    /// A foreign file takes the name of ours while we run: it is not replaced when ours turns out to be missing.
    @Test func whatTakesTheNameOfOursIsLeftAlone() async throws {
        let model = try await model()
        try FileManager.default.removeItem(atPath: path)
        try directory.write("Dear reader", to: "model.sqlite")
        await #expect(throws: ReadModelError.self) { try await model.open() }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "Dear reader")
    }

    @Test func aFileThatIsRemovedIsMadeAnew() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a")], to: model)
        #expect(try await model.open() == 0)
        try FileManager.default.removeItem(atPath: path)
        #expect(try await model.open() == 1)
        #expect(try await model.progress().logPosition == 0)
        #expect(try await model.progress(of: .approvals).position == 0)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    // MARK: Where it is

    @Test func aLinkToOursIsFollowed() async throws {
        do { _ = try await model() }
        let link = directory.file("link.sqlite")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let model = try ReadModel(path: link)
        model.lose(0, because: "it is a test")
        try await model.open()
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
        #expect(!FileManager.default.fileExists(atPath: link + "-wal"))
    }

    @Test func oneProcessAFile() throws {
        let first = try ReadModel(path: path)
        let error = #expect(throws: ReadModelError.self) { try ReadModel(path: path) }
        #expect(error?.description.contains("in use") == true)
        withExtendedLifetime(first) {}
    }

    @Test func aStaleWriteAheadLogIsNotReadIntoANewFile() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a")], to: model)
            try FileManager.default.copyItem(atPath: path + "-wal", toPath: directory.file("stale"))
        }
        try FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(atPath: path + "-wal")
        try FileManager.default.moveItem(atPath: directory.file("stale"), toPath: path + "-wal")
        let model = try ReadModel(path: path)
        #expect(try await model.progress().logPosition == 0)
        #expect(try await model.progress(of: .approvals).position == 0)
        #expect(try await model.approval("a", of: Fixture.acme) == nil)
    }

    @Test func aPathThatCannotBeWrittenIsASentence() {
        let error = #expect(throws: ReadModelError.self) { try ReadModel(path: "/nowhere/at/all.sqlite") }
        #expect(error?.description.contains("DATABASE_FILE") == true)
    }
}
