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

    @Test func whatHasChangedIsReadAgainAndNothingElse() async throws {
        let directory = try TemporaryDirectory()
        let (changing, other) = (try directory.write("1", to: "changing"), try directory.write("1", to: "other"))
        let reloads = Reloads(logger: logger, interval: .milliseconds(5))
        let read = Mutex<[String]>([])
        reloads.add("changing", files: [changing]) { read.withLock { $0.append("changing") } }
        reloads.add("other", files: [other]) { read.withLock { $0.append("other") } }
        let watching = Task { try await reloads.run() }
        // Whether it looks at the files yet cannot be seen, so they change until it does.
        var text = "1"
        #expect(
            await eventually {
                text += "1"
                _ = try? directory.write(text, to: "changing")
                return !read.withLock { $0 }.isEmpty
            }
        )
        watching.cancel()
        _ = await watching.result
        #expect(Set(read.withLock { $0 }) == ["changing"])
    }
}
