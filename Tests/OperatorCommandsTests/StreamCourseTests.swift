import Basics
import TestKit
import Testing

@testable import OperatorCommands

/// Blocks and ends of connections in; items, places and pauses out.
@Suite struct StreamCourseTests {
    private typealias Block = EventStreamReader.Block

    private let target: Target
    private let directory: TemporaryDirectory

    init() throws {
        target = try Target("http://a.example")
        directory = try TemporaryDirectory()
    }

    private static func refused(_ status: Int, retryAfter: Duration? = nil) -> StreamConnectionEnd {
        .refused(.init(status: status, body: bytes(#"{"error":"e","message":"m"}"#), retryAfter: retryAfter))
    }

    /// The pause before the next connection; nil when the stream is over.
    private static func pause(_ move: StreamCourse.Move) -> Duration? {
        if case .again(let pause, _) = move { pause } else { nil }
    }

    /// The exit code of the failure that ended the stream; nil when it is complete, or continues.
    private static func code(_ move: StreamCourse.Move) -> Int32? {
        if case .over(let refusal?) = move { refusal.code } else { nil }
    }

    @Test func blocksBecomeItems() {
        let event = Block(id: "evt_1", event: "a.b", data: #"{"x":1}"#)
        #expect(StreamCourse.item(of: event) == .event(StreamEvent(id: "evt_1", type: "a.b", data: #"{"x":1}"#)))
        #expect(StreamCourse.item(of: Block(data: "{}")) == .event(StreamEvent(id: nil, type: "message", data: "{}")))
        let gap = Block(id: "evt_2", event: "stream.gap", data: #"{"reason":"expired","missedBefore":"evt_3"}"#)
        #expect(StreamCourse.item(of: gap) == .gap(reason: "expired", missedBefore: "evt_3"))
        #expect(StreamCourse.item(of: Block(event: "stream.stalled", data: #"{"since":"t"}"#)) == .stalled)
        #expect(StreamCourse.item(of: Block(event: "stream.live", data: "{}")) == .live)
        for block in [Block(id: "a", retry: "1"), Block(id: "a", event: "ping", data: "{}"), Block(event: "stream.end", data: "{}")] {
            #expect(StreamCourse.item(of: block) == nil)
        }
        #expect(StreamCourse.ending(Block(event: "stream.end", data: #"{"reason":"draining"}"#)) == "draining")
        #expect(StreamCourse.ending(event) == nil)
    }

    @Test func thePlaceIsTheLastIdThatWasPassedOn() {
        var course = StreamCourse(lastEventID: "")
        #expect(course.lastEventID == "" && !course.hasOpened)
        course.passed(Block(event: "stream.end", data: "{}", retry: "10"))
        #expect(!course.hasOpened)
        course.passed(Block(id: "evt_1", retry: "2000"))
        course.passed(Block(event: "stream.live", data: "{}"))
        #expect(course.lastEventID == "evt_1" && course.hasOpened)
        course.passed(Block(id: "evt_2", event: "ping", data: "{}"))
        #expect(course.lastEventID == "evt_2")
    }

    @Test func thePauseIsWhatTheServerAsksForAndGrows() throws {
        var course = StreamCourse(lastEventID: nil)
        course.passed(Block(id: "evt_1", retry: "2000"))
        #expect(Self.pause(course.move(after: .lost("closed"), of: target)) == .seconds(2))
        let limited = try #require(Self.pause(course.move(after: Self.refused(429, retryAfter: .seconds(7)), of: target)))
        #expect(limited == .seconds(7))
        for _ in 0..<8 { _ = course.move(after: .unreachable("away"), of: target) }
        let late = try #require(Self.pause(course.move(after: .unreachable("away"), of: target)))
        #expect(late >= .seconds(15) && late <= .seconds(30))
        course.passed(Block(id: "evt_1", retry: "0"))
        let fresh = try #require(Self.pause(course.move(after: .told(reason: "draining"), of: target)))
        #expect(fresh >= .milliseconds(250) && fresh <= .milliseconds(500))
        course.passed(Block(event: "stream.end", data: "{}", retry: "99999999999999999"))
        #expect(Self.pause(course.move(after: .told(reason: "draining"), of: target)) == .seconds(3600))
    }

    @Test func whatAnotherAttemptCannotChangeEndsTheStream() {
        var course = StreamCourse(lastEventID: nil)
        #expect(Self.code(course.move(after: .unreachable("away"), of: target)) == 69)
        #expect(Self.pause(course.move(after: Self.refused(503), of: target)) != nil)
        #expect(Self.pause(course.move(after: .told(reason: "unavailable"), of: target)) != nil)
        #expect(Self.code(course.move(after: .told(reason: "token_expired"), of: target)) == 77)
        #expect(Self.code(course.move(after: .told(reason: "token_revoked"), of: target)) == 77)
        #expect(Self.code(course.move(after: Self.refused(401), of: target)) == 77)
        #expect(Self.code(course.move(after: Self.refused(404), of: target)) == 65)
        #expect(Self.code(course.move(after: .foreign, of: target)) == 69)
        let whole = course.move(after: .complete, of: target)
        #expect(Self.pause(whole) == nil && Self.code(whole) == nil)
        course.passed(Block(id: "evt_1"))
        #expect(Self.pause(course.move(after: .unreachable("away"), of: target)) != nil)
    }

    @Test func aTokenThatWasReplacedInItsFileIsUsed() throws {
        let file = try directory.write("one\n", to: "token")
        let server = CausewayServer(target: target, token: "one", tokenFile: file, timeout: .seconds(1))
        #expect(server.withRenewedToken() == nil)
        _ = try directory.write("two\n", to: "token")
        #expect(server.withRenewedToken()?.token == "two")
        _ = try directory.write("not a token\n", to: "token")
        #expect(server.withRenewedToken() == nil)
        #expect(CausewayServer(target: target, token: "one", timeout: .seconds(1)).withRenewedToken() == nil)
    }
}
