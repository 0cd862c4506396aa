import NIOCore
import NIOPosix
import Testing

@testable import HTTPFront

/// Where the tasks of a connection run.
struct EventLoopExecutorTests {
    @Test func aTaskStaysOnItsEventLoopAndComesBackToIt() async {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let isThere = await withTaskExecutorPreference(EventLoopExecutor(loop)) {
            let atFirst = loop.inEventLoop
            let child = await withTaskGroup(of: Bool.self) { group in
                group.addTask { loop.inEventLoop }
                return await group.next() ?? false
            }
            let elsewhere = await withTaskExecutorPreference(globalConcurrentExecutor) { loop.inEventLoop }
            // Resumed by a thread of the cooperative pool.
            await Task.detached {}.value
            return [atFirst, child, !elsewhere, loop.inEventLoop]
        }
        #expect(isThere == [true, true, true, true])
        #expect(!loop.inEventLoop)
    }
}
