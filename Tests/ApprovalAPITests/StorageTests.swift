import Basics
import EventLog
import EventModel
import Foundation
import GRDB
import HTTPAPI
import Logging
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// Failures of the read model's file, and concurrent reads.
@Suite(.timeLimit(.minutes(2))) struct StorageTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("model.sqlite") }
    private static let type = "incident.created"

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Notifications of `acme` at the places of a range, each with its own title.
    private func fill(_ model: ReadModel, _ places: ClosedRange<UInt64>) async throws {
        let generation = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true).generation
        let changes = try places.flatMap { place in
            LogChange.changes(of: try Fixture.entry(place, Self.type, #"{"incidentId":"i\#(place)","title":"title-\#(place)-end"}"#))
        }
        try await model.apply(changes, position: places.upperBound, generation: generation)
        model.noteLogCaughtUp(generation)
        model.noteCaughtUp(.inbox, generation)
        model.noteCaughtUp(.approvals, generation)
    }

    private func page(_ model: ReadModel, before: UInt64? = nil, limit: Int = 50) async throws -> NotificationPage {
        try await model.notifications(NotificationQuery(viewer: Fixture.ann, epoch: 7, before: before, limit: limit))
    }

    /// Overwrites the page of the file in which a text stands first.
    private func damage(_ text: String) throws {
        var content = try #require(FileManager.default.contents(atPath: path))
        let place = try #require(content.range(of: Data(text.utf8))).lowerBound / 4096 * 4096
        content.replaceSubrange(place..<place + 4096, with: Data(repeating: 0xFF, count: 4096))
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.write(contentsOf: content)
        try file.close()
    }

    /// The operations that meet a damaged page: list, row, counts, applying a new entry, dropping old ones, and readiness.
    enum Meeting: CaseIterable {
        case list, one, count, write, drop, probe
    }

    @Test(arguments: Meeting.allCases) func damageIsHealedWhereverItIsMet(_ meeting: Meeting) async throws {
        do { try await fill(ReadModel(path: path), 1...3000) }
        switch meeting {
        case .count: try damageCounts()
        // It reads what is newest.
        case .probe: try damage("title-2990-end")
        default: try damage("title-1500-end")
        }
        let model = try ReadModel(path: path, patience: .milliseconds(1))
        let generation = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true).generation
        let probe = ReadModelProbe(model: model, logger: .init(label: "test"))
        func meet() async throws {
            switch meeting {
            case .list: for place in stride(from: UInt64(3001), to: 1, by: -200) { _ = try await page(model, before: place, limit: 200) }
            case .one:
                for place in 1400...1600 as ClosedRange<UInt64> { _ = try await model.notification(at: place, epoch: 7, for: Fixture.ann) }
            case .count: _ = try await model.unreadCount(for: Fixture.ann, epoch: 7)
            case .write: try await model.write(generation) { try $0.execute(sql: "UPDATE notifications SET title = 'x'") }
            case .drop: _ = try await model.drop(keeping: Fixture.log(from: 2900), life: model.logLife)
            case .probe: _ = try await probe.ask(after: "")
            }
        }
        let error = await #expect(throws: (any Error).self) { try await meet() }
        if let error = error as? APIError { #expect(error.code == .serviceUnavailable) }
        #expect(model.generation == generation + 1)
        #expect(!model.isWhole)
        #expect(probe.status != .ready)
        // No read returns an empty result during the rebuild.
        let refused = await #expect(throws: APIError.self) { try await page(model) }
        #expect(refused?.code == .serviceUnavailable)
        #expect(try await model.open() == generation + 1)
        await #expect(throws: APIError.self) { try await page(model) }
        try await fill(model, 1...3000)
        #expect(try await page(model).unreadCount == 3000)
        #expect(try await model.notification(at: 1500, epoch: 7, for: Fixture.ann)?.record.title == "New incident: title-1500-end")
        _ = try await probe.ask(after: "")
    }

    /// Overwrites the root page of the table of counts.
    private func damageCounts() throws {
        let queue = try DatabaseQueue(path: path)
        let root = try queue.read { try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_schema WHERE name = 'tallies'") }
        try queue.close()
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: UInt64(try #require(root) - 1) * 4096)
        try file.write(contentsOf: Data(repeating: 0xFF, count: 4096))
        try file.close()
    }

    /// A read that began before the file was discarded waits for the rebuild, and is then answered.
    @Test func aReadOutlivesARebuilding() async throws {
        do { try await fill(ReadModel(path: path), 1...3000) }
        try damage("title-2990-end")
        let model = try ReadModel(path: path, patience: .seconds(60))
        let reading = Task { try await page(model) }
        #expect(await eventually { model.generation == 1 })
        try await model.open()
        try await fill(model, 1...3000)
        let answer = try await reading.value
        #expect(answer.items.count == 50 && answer.unreadCount == 3000)
    }

    @Test func aFullDiskIsWaitedFor() async throws {
        let model = try ReadModel(path: path)
        try await fill(model, 1...10)
        let before = FileStatus(of: path)?.identity
        let probe = ReadModelProbe(model: model, logger: .init(label: "test"))
        func room(_ pages: Int) async throws { try await model.write(0) { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") } }
        try await room(40)
        await #expect(throws: StorageTrouble.full) { try await fill(model, 11...3000) }
        #expect(model.trouble == .full)
        #expect(model.generation == 0 && FileStatus(of: path)?.identity == before, "a full disk is no damage")
        #expect(probe.status == .notReady("the disk of the read model is full"))
        // What is there can be read.
        #expect(try await page(model).items.count == 10)
        #expect(try await model.progress().logPosition == 10)
        try await room(1_000_000)
        try await fill(model, 11...3000)
        #expect(model.trouble == nil)
        #expect(try await page(model).unreadCount == 3000)
    }

    /// Stalled readers block neither other readers nor the writer.
    @Test func aTenantsReadsHoldUpNobodyElse() async throws {
        let model = try ReadModel(path: path)
        try await fill(model, 1...10)
        let released = DispatchSemaphore(value: 0)
        let reading = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    try await model.read(for: .tenant(Fixture.acme)) { _ in
                        reading.increase()
                        released.wait()
                    }
                }
            }
            #expect(await eventually { reading.value == 2 })
            let generation = model.generation
            try await model.apply([LogChange](), position: 11, generation: generation)
            #expect(try await model.approval("a", of: Tenant("globex")) == nil)
            for _ in 0..<32 { released.signal() }
            try await group.waitForAll()
        }
    }

    private final class Count: Sendable {
        private let count = Mutex(0)

        var value: Int { count.withLock { $0 } }

        func increase() { count.withLock { $0 += 1 } }
    }
}
