import Basics
import EventModel
import Testing

@testable import EdgeRuntime

@Suite("The life of a connection")
struct ConnectionStateTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    /// A connection in each phase, created by the inputs that lead there.
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

    private func ending() -> ConnectionState {
        var state = self.following()
        #expect(state.endRequested(.draining) == .sayFarewell(.draining))
        return state
    }

    private func closing() -> ConnectionState {
        var state = self.ending()
        #expect(state.farewellSent() == .awaitPeer(.draining))
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
        #expect(self.ending().entriesPublished() == .none)
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
        #expect(state.logUnavailable(inMidEntry: false) == .sayFarewell(.unavailable))
        #expect(state.isEnding)
        state = self.reading()
        #expect(state.logUnavailable(inMidEntry: true) == .close(.unavailable))
    }

    @Test("heartbeats go to writable sockets; a connection blocked for too long ends")
    func heartbeats() {
        let timeout = Duration.seconds(60)
        let later = self.start.advanced(by: timeout)
        let soon = MonotonicInstant(nanoseconds: later.nanoseconds - 1)
        var state = self.following()
        #expect(state.heartbeatDue(now: later, stallTimeout: timeout) == .sendHeartbeat)
        state = self.blocked()
        #expect(state.heartbeatDue(now: soon, stallTimeout: timeout) == .none)
        #expect(state.heartbeatDue(now: later, stallTimeout: timeout) == .sayFarewell(.stalled))
        #expect(state.isEnding && state.isBlocked)
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

    @Test("an ending is announced once, whatever the connection is doing, and waits for what was begun", arguments: Ending.Kind.allCases)
    func endRequested(_ kind: Ending.Kind) {
        let ending = Ending(kind)
        for make in [self.following, self.blocked, self.reading] {
            var state = make()
            #expect(state.endRequested(ending) == .sayFarewell(ending))
            #expect(state.endRequested(.draining) == .none)
            #expect(!state.isOpen && state.isEnding)
            // An immediate drop needs no later cut.
            if !ending.dropsQueue { #expect(state.lingerElapsed() == .cutToFarewell(ending)) }
            #expect(state.lingerElapsed() == .close(ending))
            #expect(state.lingerElapsed() == .none)
        }
        var state = self.closed()
        #expect(state.endRequested(ending) == .none)
    }

    @Test("an ending connection keeps writing until the last message is sent")
    func endsAfterWhatWasBegun() {
        var state = self.blocked()
        #expect(state.endRequested(.draining) == .sayFarewell(.draining))
        #expect(state.turnCame() == .none)
        #expect(state.becameWritable() == .deliver)
        #expect(state.turnCame() == .deliver)
        // The rest of the entry has left memory.
        #expect(state.positionLeftMemory() == .readLog)
        #expect(state.turnCame() == .none)
        state.writeFellShort(now: self.start)
        #expect(state.logRead() == .none)
        #expect(state.becameWritable() == .deliver)
        #expect(state.farewellSent() == .awaitPeer(.draining))
        #expect(state.phase == .closing)
        #expect(state.lingerElapsed() == .close(.draining))
    }

    @Test("a reading that is no longer needed does not hold up the farewell")
    func readingCancelled() {
        var state = self.reading()
        #expect(state.endRequested(.tokenExpired) == .sayFarewell(.tokenExpired))
        #expect(state.turnCame() == .none)
        state.readingCancelled()
        #expect(state.turnCame() == .deliver)
        #expect(state.logRead() == .none)
    }

    @Test("where there is nothing to say a full socket is not waited for")
    func farewellOmitted() {
        var state = self.blocked()
        #expect(state.endRequested(.stalled) == .sayFarewell(.stalled))
        #expect(state.farewellOmitted() == .close(.stalled))
        #expect(state.farewellOmitted() == .none)
    }

    @Test("a connection that was told why it ends has ended for that, whoever closes it then")
    func closedAfterFarewell() {
        let told = ConnectionState.CloseAction.close(.draining)
        var state = self.closing()
        #expect(state.peerClosed() == told)
        state = self.closing()
        #expect(state.socketFailed() == told)
        state = self.closing()
        #expect(state.peerFellSilent() == told)
    }

    @Test("a connection is closed once, whatever triggers it first")
    func closedOnce() {
        for make in [self.following, self.blocked, self.reading, self.ending, self.closing] {
            var state = make()
            let isTold = !state.isOpen
            #expect(state.peerClosed() == .close(isTold ? .draining : .peerClosed))
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
