import Testing

@testable import EventLog

@Suite struct FeedProgressTests {
    private static func snapshot(
        epoch: UInt16 = 7,
        first: UInt64,
        last: UInt64,
        bytesEach: UInt64 = 100
    ) -> FeedProgress.StreamSnapshot {
        FeedProgress.StreamSnapshot(
            epoch: epoch,
            first: first,
            last: last,
            bytes: (last + 1 - first) * bytesEach,
            messages: last + 1 - first
        )
    }

    private func stamp(_ sequence: UInt64) -> LogStamp { LogStamp(sequence: sequence, storedAt: sequence &* 1000) }

    struct Start: Sendable {
        var snapshot: FeedProgress.StreamSnapshot
        var tailBytes: Int
        var after: UInt64
    }

    static let starts: [Start] = [
        // Everything fits.
        Start(snapshot: snapshot(first: 1, last: 50), tailBytes: 1_000_000, after: 0),
        Start(snapshot: snapshot(first: 31, last: 50), tailBytes: 1_000_000, after: 30),
        // A tenth fits.
        Start(snapshot: snapshot(first: 1, last: 1000), tailBytes: 10_000, after: 900),
        Start(snapshot: snapshot(first: 950, last: 1000), tailBytes: 10_000, after: 949),
        // Nothing is there, or was.
        Start(snapshot: snapshot(first: 1, last: 0), tailBytes: 10_000, after: 0),
        Start(snapshot: FeedProgress.StreamSnapshot(epoch: 7, first: 0, last: 0, bytes: 0, messages: 0), tailBytes: 10_000, after: 0),
        Start(snapshot: snapshot(first: 501, last: 500), tailBytes: 10_000, after: 500),
        // No tail is wanted.
        Start(snapshot: snapshot(first: 1, last: 1000), tailBytes: 0, after: 1000),
    ]

    @Test(arguments: starts)
    func beginsWhereTheTailIsFilled(_ start: Start) {
        var progress = FeedProgress(epoch: 7)
        let course = progress.inspected(start.snapshot, tailBytes: start.tailBytes)
        #expect(course == .begin(after: start.after))
        #expect(progress.position == start.after)
        #expect(progress.hasCaughtUp == (start.after == start.snapshot.last))
    }

    struct Return: Sendable {
        var name: String
        var snapshot: FeedProgress.StreamSnapshot
        var course: FeedProgress.Course
        var isRecognised: Bool? = true
    }

    /// After the feed has reported everything up to 100 of a log that kept 1…100.
    static let returns: [Return] = [
        Return(name: "nothing new", snapshot: snapshot(first: 1, last: 100), course: .resume(after: 100)),
        Return(name: "something new", snapshot: snapshot(first: 1, last: 130), course: .resume(after: 100)),
        Return(name: "emptied meanwhile", snapshot: snapshot(first: 101, last: 100), course: .resume(after: 100)),
        Return(name: "all that was read is gone", snapshot: snapshot(first: 101, last: 130), course: .resume(after: 100)),
        Return(name: "one unread is gone", snapshot: snapshot(first: 102, last: 130), course: .passOver(through: 101)),
        Return(name: "all unread is gone", snapshot: snapshot(first: 131, last: 130), course: .passOver(through: 130)),
        Return(
            name: "all that was read has expired, and nothing shows which log it is",
            snapshot: snapshot(first: 101, last: 130),
            course: .resume(after: 100),
            isRecognised: nil
        ),
        Return(
            name: "restored from an older copy and written on beyond the position",
            snapshot: snapshot(first: 1, last: 130),
            course: .restart(epoch: 7, position: 130),
            isRecognised: false
        ),
        Return(
            name: "all that was remembered was deleted",
            snapshot: snapshot(first: 1, last: 130),
            course: .restart(epoch: 7, position: 130),
            isRecognised: nil
        ),
        Return(name: "rewound", snapshot: snapshot(first: 1, last: 99), course: .restart(epoch: 7, position: 99)),
        Return(name: "another log, empty", snapshot: snapshot(epoch: 8, first: 1, last: 0), course: .restart(epoch: 8, position: 0)),
        Return(name: "another log, shorter", snapshot: snapshot(epoch: 8, first: 1, last: 60), course: .restart(epoch: 8, position: 60)),
        Return(name: "another log, longer", snapshot: snapshot(epoch: 8, first: 1, last: 600), course: .restart(epoch: 8, position: 600)),
    ]

    @Test(arguments: returns)
    func goesOnAfterAnInterruption(_ testCase: Return) {
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 50), tailBytes: 1_000_000)
        for sequence: UInt64 in 1...100 { _ = progress.delivered(stamp(sequence)) }
        let course = progress.inspected(testCase.snapshot, tailBytes: 1_000_000, isRecognised: testCase.isRecognised)
        #expect(course == testCase.course, "\(testCase.name)")
    }

    /// A new leader of a replicated log may lag behind the server that delivered; only if it stays shorter was the log truncated.
    @Test func givesANewLeaderTimeToCatchUp() {
        var short = Self.snapshot(first: 1, last: 99)
        short.isReplicated = true
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 100), tailBytes: 0)
        var courses = (0..<3).map { _ in progress.inspected(short, tailBytes: 0) }
        courses.append(progress.inspected(Self.snapshot(first: 1, last: 100), tailBytes: 0))
        #expect(courses == [.lookAgain, .lookAgain, .lookAgain, .resume(after: 100)])
        let patience = (0..<FeedProgress.maximumShortLooks).map { _ in progress.inspected(short, tailBytes: 0) }
        #expect(patience.allSatisfy { $0 == .lookAgain })
        let end = progress.inspected(short, tailBytes: 0)
        #expect(end == .restart(epoch: 7, position: 99))
    }

    @Test func tellsEverySequenceOnceAndOnlyForward() {
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 0), tailBytes: 0)
        var told: [UInt64] = []
        for sequence: UInt64 in [1, 2, 2, 1, 5, 4, 6] where progress.delivered(stamp(sequence)) { told.append(sequence) }
        #expect(told == [1, 2, 5, 6])
        let news = [progress.passed(6), progress.passed(9), progress.delivered(stamp(9))]
        #expect(news == [false, true, false])
    }

    @Test func hasCaughtUpOnlyAtTheEndThatWasSeen() {
        var progress = FeedProgress(epoch: 7)
        #expect(!progress.hasCaughtUp)
        _ = progress.inspected(Self.snapshot(first: 1, last: 3), tailBytes: 1_000_000)
        var history: [Bool] = []
        for sequence: UInt64 in 1...4 {
            history.append(progress.hasCaughtUp)
            _ = progress.delivered(stamp(sequence))
        }
        #expect(history == [false, false, false, true])
        _ = progress.inspected(Self.snapshot(first: 1, last: 6), tailBytes: 1_000_000, isRecognised: true)
        #expect(!progress.hasCaughtUp)
        // Only holes are left: the server's heartbeat shows it.
        _ = progress.passed(6)
        #expect(progress.hasCaughtUp)
    }

    @Test func remembersTheLastMessages() {
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 20), tailBytes: 1_000_000)
        for sequence: UInt64 in 1...20 { _ = progress.delivered(stamp(sequence)) }
        _ = progress.delivered(stamp(3))
        #expect(progress.stamps.map(\.sequence) == (20 - UInt64(FeedProgress.rememberedStamps) + 1...20).map { $0 })
        // A recreated log is not compared with the state of the old one.
        _ = progress.inspected(Self.snapshot(epoch: 8, first: 1, last: 4), tailBytes: 0, isRecognised: false)
        #expect(progress.stamps.isEmpty)
    }

    /// Sequences skipped by the first message were never announced; those skipped by later ones must be reported.
    @Test func skippedSequencesAreDeletedOrMissed() {
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 20), tailBytes: 1_000_000)
        _ = progress.delivered(stamp(4))
        #expect(progress.skippedAfter == nil, "the log's old end moved before anybody read")
        _ = progress.delivered(stamp(6))
        _ = progress.delivered(stamp(9))
        #expect(progress.skippedAfter == 4, "the first of the holes")
        let areDeleted = progress.verified(first: 5)
        #expect(areDeleted, "all behind 4 is still in the log's bounds, so the holes were deleted")
        #expect(progress.skippedAfter == nil)
        _ = progress.delivered(stamp(12))
        let areKept = progress.verified(first: 11)
        #expect(!areKept, "10 may have left the log unread")
        let course = progress.inspected(Self.snapshot(first: 11, last: 20), tailBytes: 0, isRecognised: true)
        #expect(course == .passOver(through: 12))
        #expect(progress.missed == 3)
        _ = progress.delivered(stamp(13))
        #expect(progress.skippedAfter == nil)
    }

    @Test func whoGoesOnFromAnEarlierTimeMissesWhatTheFirstMessageSkips() {
        var progress = FeedProgress(epoch: 7, start: 2)
        let course = progress.inspected(Self.snapshot(first: 5, last: 20), tailBytes: 0)
        #expect(course == .begin(after: 4))
        #expect(progress.missed == 2)
        _ = progress.delivered(stamp(8))
        #expect(progress.skippedAfter == 4)
    }

    /// No server response, genuine or forged, causes an overflow.
    @Test(arguments: [UInt64.max, UInt64(Int64.max)])
    func sequencesThatNoLogReachesAreIgnored(_ sequence: UInt64) {
        var progress = FeedProgress(epoch: 7)
        _ = progress.inspected(Self.snapshot(first: 1, last: 20), tailBytes: 0)
        let news = [progress.passed(sequence), progress.delivered(stamp(20)), progress.passed(sequence)]
        #expect(news.allSatisfy { !$0 } && progress.position == 20)
    }
}
