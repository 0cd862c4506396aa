import Testing

@testable import EventLog

/// An entry in delivery to its readers is not delivered to others, and is not part of the read history yet.
@Suite struct ScanPositionTests {
    @Test func anEntryOnItsWayIsNeitherJoinedNorComplete() {
        var position = ScanPosition(after: 10)
        let isNew = position.entryFound(14)
        #expect(isNew)
        // A reader that joins now at 12 would miss it; one that leaves now has everything through 10 only.
        #expect(position.found == 14)
        #expect(position.handedOut == 10)
        position.entryHandedOut()
        #expect(position.handedOut == 14)
    }

    @Test func whatWasFoundIsNotFoundAgain() {
        var position = ScanPosition(after: 10)
        let areNew = [10, 11, 11].map { position.entryFound($0) }
        #expect(areNew == [false, true, false])
    }

    @Test func theEndOfTheStreamMovesForwardOnly() {
        var position = ScanPosition(after: 10)
        position.nothingElse(through: 20)
        #expect(position.handedOut == 20)
        position.nothingElse(through: 15)
        #expect(position == ScanPosition(after: 20))
    }
}
