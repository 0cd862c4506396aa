import EventModel
import Testing

@testable import EdgeRuntime

@Suite("The life of a connection")
struct ConnectionStateTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    /// A connection in each phase, made by the facts that lead there.
    private func following() -> ConnectionState {
        var state = ConnectionState()
        #expect(state.attached() == .deliver)
        return state
    }

    private func blocked() -> ConnectionState {
        var state = self.following()
        state.writeFellShort(now: self.start)
        return state
    }

    private func reading() -> ConnectionState {
        var state = self.following()
        #expect(state.positionLeftMemory() == .readLog)
        return state
    }

    private func closing() -> ConnectionState {
        var state = self.following()
        #expect(state.endRequested(.stream(.draining), inMidEntry: false) == .sayFarewell(.stream(.draining)))
        return state
    }

    private func closed() -> ConnectionState {
        var state = self.following()
        #expect(state.peerClosed() == .close(.peerClosed))
        return state
    }

    @Test("news are written only by those whose socket takes them")
    func entriesPublished() {
        #expect(ConnectionState().entriesPublished() == .none)
        #expect(self.following().entriesPublished() == .deliver)
        #expect(self.blocked().entriesPublished() == .none)
        #expect(self.reading().entriesPublished() == .none)
        #expect(self.closing().entriesPublished() == .none)
        #expect(self.closed().entriesPublished() == .none)
    }

    @Test("a socket that takes bytes again is written to once")
    func becameWritable() {
        var state = self.blocked()
        #expect(state.becameWritable() == .deliver)
        #expect(state.becameWritable() == .none)
        #expect(state.phase == .following(.writable))
    }

    @Test("a socket that fills while the log is read waits for both")
    func blockedWhileReading() {
        var state = self.blocked()
        #expect(state.positionLeftMemory() == .readLog)
        #expect(state.positionLeftMemory() == .none)
        #expect(state.logRead() == .none)
        #expect(state.phase == .following(.blocked(since: self.start)))
        #expect(state.becameWritable() == .deliver)

        state.writeFellShort(now: self.start)
        #expect(state.positionLeftMemory() == .readLog)
        #expect(state.becameWritable() == .none)
        #expect(state.logRead() == .deliver)
    }

    @Test("a log out of reach ends the stream with a reason")
    func logUnavailable() {
        var state = self.reading()
        #expect(state.logUnavailable() == .sayFarewell(.stream(.unavailable)))
        #expect(state.phase == .closing)
    }

    @Test("heartbeats go to writable sockets; one blocked for too long is given up")
    func heartbeats() {
        let timeout = Duration.seconds(60)
        let later = self.start.advanced(by: timeout)
        let soon = MonotonicInstant(nanoseconds: later.nanoseconds - 1)
        var state = self.following()
        #expect(state.heartbeatDue(now: later, stallTimeout: timeout) == .sendHeartbeat)
        state = self.blocked()
        #expect(state.heartbeatDue(now: soon, stallTimeout: timeout) == .none)
        #expect(state.heartbeatDue(now: later, stallTimeout: timeout) == .close(.stalled))
        #expect(state.phase == .closed)
        state = self.closing()
        #expect(state.heartbeatDue(now: later, stallTimeout: timeout) == .none)
    }

    @Test("a socket that moved on in time is not given up", arguments: [1, 59])
    func stallClockRestarts(seconds: Int) {
        var state = self.blocked()
        #expect(state.becameWritable() == .deliver)
        let second = self.start.advanced(by: .seconds(seconds))
        state.writeFellShort(now: second)
        #expect(state.heartbeatDue(now: self.start.advanced(by: .seconds(60)), stallTimeout: .seconds(60)) == .none)
    }

    @Test("last words are said only between entries and to sockets that take them", arguments: StreamEndReason.allCases)
    func endRequested(_ words: StreamEndReason) {
        let reason = EndReason.stream(words)
        var state = self.following()
        #expect(state.endRequested(reason, inMidEntry: false) == .sayFarewell(reason))
        #expect(state.endRequested(reason, inMidEntry: false) == .none)
        #expect(state.lingerElapsed() == .close(.ended(reason)))

        state = self.following()
        #expect(state.endRequested(reason, inMidEntry: true) == .close(.ended(reason)))
        state = self.blocked()
        #expect(state.endRequested(reason, inMidEntry: false) == .close(.ended(reason)))
        state = self.reading()
        #expect(state.endRequested(reason, inMidEntry: false) == .sayFarewell(reason))
        #expect(state.logRead() == .none)
        state = self.closed()
        #expect(state.endRequested(reason, inMidEntry: false) == .none)
    }

    @Test("a connection that was told why it ends has ended for that, whoever closes it then")
    func closedAfterFarewell() {
        let told = ConnectionState.Action.close(.ended(.stream(.draining)))
        var state = self.closing()
        #expect(state.peerClosed() == told)
        state = self.closing()
        #expect(state.socketFailed() == told)
        state = self.closing()
        #expect(state.peerFellSilent() == told)
    }

    @Test("a connection is closed once, whoever says so first")
    func closedOnce() {
        for make in [self.following, self.blocked, self.reading, self.closing] {
            var state = make()
            let isTold = state.phase == .closing
            #expect(state.isOpen != isTold)
            #expect(state.peerClosed() == .close(isTold ? .ended(.stream(.draining)) : .peerClosed))
            #expect(state.peerClosed() == .none)
            #expect(state.peerFellSilent() == .none)
            #expect(state.socketFailed() == .none)
            #expect(state.entryLost() == .none)
            #expect(state.lingerElapsed() == .none)
            #expect(!state.isOpen)
        }
    }

    @Test("only a connection that has said its last words can outlive its linger")
    func lingerElapsed() {
        for make in [self.following, self.blocked, self.reading, self.closed] {
            var state = make()
            #expect(state.lingerElapsed() == .none)
        }
    }
}
