import Basics
import TestKit
import Testing

@testable import EdgeRuntime

@Suite struct TurnQueueTests {
    @Test func tenantsTakeTurns() {
        let (loud, quiet, other) = (Tenant("loud"), Tenant("quiet"), Tenant("other"))
        var queue = TurnQueue<String>()
        func next(_ count: Int) -> [String?] { (0..<count).map { _ in queue.popFirst() } }
        for number in 0..<1000 { queue.append("loud \(number)", of: loud) }
        queue.append("quiet 0", of: quiet)
        queue.append("quiet 1", of: quiet)
        #expect(queue.count == 1002)
        #expect(next(3) == ["loud 0", "quiet 0", "loud 1"])
        queue.append("other 0", of: other)
        #expect(next(5) == ["quiet 1", "loud 2", "other 0", "loud 3", "loud 4"])
        #expect(next(995) == (5..<1000).map { "loud \($0)" }, "in order of arrival")
        #expect(queue.isEmpty)
        #expect(next(1) == [nil])
        queue.append("loud again", of: loud)
        #expect(next(1) == ["loud again"])
    }

    @Test func tenantsWithoutAShareArePassedOver() {
        let (loud, quiet) = (Tenant("loud"), Tenant("quiet"))
        var queue = TurnQueue<String>()
        for number in 0..<2 { queue.append("loud \(number)", of: loud) }
        for number in 0..<2 { queue.append("quiet \(number)", of: quiet) }
        func next(_ count: Int) -> [String?] { (0..<count).map { _ in queue.popFirst { $0 != loud } } }
        #expect(next(3) == ["quiet 0", "quiet 1", nil])
        #expect(queue.count == 2)
        let rest = (0..<3).map { _ in queue.popFirst() }
        #expect(rest == ["loud 0", "loud 1", nil])
    }
}
