import Basics
import EventLog
import EventModel
import Testing

/// The table of contract §3.
@Suite struct CursorResolutionTests {
    private static let epoch: UInt16 = 4711

    private static func cursor(_ sequence: UInt64, epoch: UInt16 = Self.epoch, time: Int64 = 1_700_000_000_000) -> Cursor {
        Cursor(time: Timestamp(millisecondsSinceEpoch: time), epoch: epoch, sequence: sequence)
    }

    /// A log that keeps 101…200.
    private static let bounds = LogBounds(firstSequence: 101, lastSequence: 200, epoch: epoch, firstCursor: cursor(101))
    /// A log that kept up to 200 and was emptied.
    private static let emptied = LogBounds(firstSequence: 201, lastSequence: 200, epoch: epoch, firstCursor: cursor(201))
    /// A log without any write.
    private static let unused = LogBounds(firstSequence: 1, lastSequence: 0, epoch: epoch, firstCursor: nil)
    /// A log from which nothing was dropped yet.
    private static let whole = LogBounds(firstSequence: 1, lastSequence: 200, epoch: epoch, firstCursor: cursor(1))

    struct Case: Sendable {
        var name: String
        var text: String?
        var bounds: LogBounds
        var expected: CursorResolution
    }

    static let cases: [Case] = [
        Case(name: "none", text: nil, bounds: bounds, expected: .liveOnly),
        Case(name: "none, unused log", text: nil, bounds: unused, expected: .liveOnly),
        Case(name: "empty", text: "", bounds: bounds, expected: .oldest(after: 100)),
        Case(name: "empty, whole log", text: "", bounds: whole, expected: .oldest(after: 0)),
        Case(name: "empty, emptied log", text: "", bounds: emptied, expected: .oldest(after: 200)),
        Case(name: "empty, unused log", text: "", bounds: unused, expected: .oldest(after: 0)),
        Case(name: "inside", text: cursor(150).text, bounds: bounds, expected: .resume(after: 150)),
        Case(name: "the end", text: cursor(200).text, bounds: bounds, expected: .resume(after: 200)),
        Case(name: "the first kept", text: cursor(101).text, bounds: bounds, expected: .resume(after: 101)),
        Case(name: "just before the first kept: nothing is missing", text: cursor(100).text, bounds: bounds, expected: .resume(after: 100)),
        Case(name: "one is missing", text: cursor(99).text, bounds: bounds, expected: .expired(missedBefore: cursor(101), after: 100)),
        Case(name: "the beginning, lost", text: cursor(0).text, bounds: bounds, expected: .expired(missedBefore: cursor(101), after: 100)),
        Case(name: "the beginning, kept", text: cursor(0).text, bounds: whole, expected: .resume(after: 0)),
        Case(name: "the end of an emptied log", text: cursor(200).text, bounds: emptied, expected: .resume(after: 200)),
        Case(
            name: "within an emptied log",
            text: cursor(150).text,
            bounds: emptied,
            expected: .expired(missedBefore: cursor(201), after: 200)
        ),
        Case(name: "the beginning of an unused log", text: cursor(0).text, bounds: unused, expected: .resume(after: 0)),
        Case(name: "the future", text: cursor(201).text, bounds: bounds, expected: .unknown),
        Case(name: "the far future", text: cursor(.max).text, bounds: bounds, expected: .unknown),
        Case(name: "the future of an unused log", text: cursor(1).text, bounds: unused, expected: .unknown),
        Case(name: "another epoch", text: cursor(150, epoch: 4712).text, bounds: bounds, expected: .unknown),
        Case(name: "another epoch, older", text: cursor(5, epoch: 0).text, bounds: bounds, expected: .unknown),
        Case(name: "another time changes nothing", text: cursor(150, time: 1).text, bounds: bounds, expected: .resume(after: 150)),
        Case(name: "malformed", text: "evt_nonsense", bounds: bounds, expected: .unknown),
        Case(name: "of another surface", text: "42", bounds: bounds, expected: .unknown),
        Case(name: "a space", text: " ", bounds: bounds, expected: .unknown),
        Case(name: "too long", text: cursor(150).text + "0", bounds: bounds, expected: .unknown),
    ]

    @Test(arguments: cases)
    func resolves(_ testCase: Case) {
        #expect(CursorResolution(testCase.text, bounds: testCase.bounds) == testCase.expected, "\(testCase.name)")
    }
}
