import Testing

@testable import EventLog

/// The start of a feed for an observer that stores its own position.
@Suite struct FeedStartTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var start: UInt64
        var snapshot: FeedProgress.StreamSnapshot
        var course: FeedProgress.Course

        var testDescription: String { name }
    }

    private static func snapshot(epoch: UInt16 = 7, first: UInt64, last: UInt64) -> FeedProgress.StreamSnapshot {
        FeedProgress.StreamSnapshot(epoch: epoch, first: first, last: last, bytes: 100 * (last + 1 - first), messages: last + 1 - first)
    }

    static let cases = [
        Case(name: "from the beginning", start: 0, snapshot: snapshot(first: 1, last: 9), course: .begin(after: 0)),
        Case(name: "in the middle", start: 5, snapshot: snapshot(first: 1, last: 9), course: .begin(after: 5)),
        Case(name: "at the end", start: 9, snapshot: snapshot(first: 1, last: 9), course: .begin(after: 9)),
        Case(name: "before what is kept", start: 2, snapshot: snapshot(first: 6, last: 9), course: .begin(after: 5)),
        Case(name: "nothing was ever there", start: 0, snapshot: snapshot(first: 1, last: 0), course: .begin(after: 0)),
        Case(name: "nothing is kept", start: 3, snapshot: snapshot(first: 10, last: 9), course: .begin(after: 9)),
        Case(name: "beyond the end", start: 10, snapshot: snapshot(first: 1, last: 9), course: .restart(epoch: 7, position: 9)),
        Case(name: "another log", start: 5, snapshot: snapshot(epoch: 8, first: 1, last: 9), course: .restart(epoch: 8, position: 9)),
    ]

    @Test(arguments: cases)
    func beginsBehindTheStart(_ testCase: Case) {
        var progress = FeedProgress(epoch: 7, start: testCase.start)
        let course = progress.inspected(testCase.snapshot, tailBytes: 1_000_000)
        #expect(course == testCase.course)
    }
}
