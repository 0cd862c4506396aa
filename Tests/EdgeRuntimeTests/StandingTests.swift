import Basics
import EventLog
import EventModel
import Glibc
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// Contract §3: while the log is unreachable, open streams stay open and send `stream.stalled`.
@Suite("Telling that the log is out of reach", .timeLimit(.minutes(3)))
struct StandingTests {
    @Test("what lasts shorter than the patience is not told, what lasts longer with the moment at which it began")
    func watch() {
        var watch = StandingWatch(patience: .seconds(1))
        let start = MonotonicInstant(nanoseconds: 0)
        func look(_ isFollowing: Bool, _ milliseconds: Int64) -> Bool {
            let time = Timestamp(millisecondsSinceEpoch: milliseconds)
            return watch.looked(isFollowing: isFollowing, now: start.advanced(by: .milliseconds(milliseconds)), time: time)
        }
        #expect([look(true, 0), look(false, 100), look(false, 1000), look(true, 1050)] == [false, false, false, false])
        #expect([look(false, 2000), look(false, 2900), look(false, 3000), look(false, 3100)] == [false, false, true, false])
        #expect(watch.stalledSince == Timestamp(millisecondsSinceEpoch: 2000))
        #expect([look(true, 4000), look(true, 4100)] == [true, false])
        #expect(watch.stalledSince == nil)
    }

    @Test("every stream is notified once, and missed events follow")
    func told() async throws {
        let bench = try HubBench(encoder: StandingEncoder())
        let client = try await bench.connect()
        bench.following.value.store(false, ordering: .relaxed)
        let since = "stalled \(1_000_000)|"
        #expect(await client.read { $0.hasSuffix(since) } == "head|open 0|" + since)
        // A client that connects before the front has noticed is notified, too.
        let late = try await bench.connect()
        #expect(await late.read { $0.hasSuffix(since) } == "head|open 0|" + since)
        bench.following.value.store(true, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("live|") } == "live|")
        let entry = Fixture.text(bench.append(try Fixture.entry(1)))
        #expect(await client.read { $0.hasSuffix(entry) } == entry)
        #expect(await late.read { $0.hasSuffix(entry) } == "live|" + entry)
    }

    @Test("a surface without a notice sends a heartbeat at once")
    func heartbeat() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        bench.following.value.store(false, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("beat 0 stalled|") } == "head|open 0|beat 0 stalled|")
        bench.following.value.store(true, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("beat 0|") } == "beat 0|")
    }

    @Test("a stalled reader gets the current state when it reads again")
    func blocked() async throws {
        let bench = try HubBench(encoder: StandingEncoder())
        let client = try await bench.connect()
        let payload = #"{"pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        for sequence in UInt64(1)...20 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        for isFollowing in [false, true, false] {
            bench.following.value.store(isFollowing, ordering: .relaxed)
            #expect(await eventually { await bench.hub.isStalled != isFollowing })
        }
        let text = await client.read { $0.contains("stalled") && $0.contains("20:") }
        #expect(text.split(separator: "|").count { $0.hasPrefix("stalled") } == 1)
        #expect(!text.contains("live|"))
    }
}

extension LoopHub {
    fileprivate var isStalled: Bool { self.standing.stalledSince != nil }
}

/// `PlainEncoder` with standing notices.
private struct StandingEncoder: StreamEncoder {
    private let plain = PlainEncoder()

    var name: String { "standing" }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) { self.plain.append(entry, cursor: cursor, to: &bytes) }
    func opening(_ opening: Opening) -> [UInt8] { self.plain.opening(opening) }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] {
        self.plain.heartbeat(cursor: cursor, time: time, isLive: isLive)
    }
    func standing(_ standing: LogStanding) -> [UInt8] {
        switch standing {
        case .stalled(let since): Array("stalled \(since.millisecondsSinceEpoch)|".utf8)
        case .live: Array("live|".utf8)
        }
    }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { self.plain.gap(gap, time: time) }
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { self.plain.farewell(ending, retry: retry) }
}
