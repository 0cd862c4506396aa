/// The position of a scan, while one thread hands out entries and others check it.
///
/// An entry is found first and handed out later, to the readers at that time. In between, a reader that joins does not get it, and a reader
/// that leaves does not have it yet.
struct ScanPosition: Sendable, Equatable {
    /// High-water mark of found entries: a reader behind it cannot join.
    private(set) var found: UInt64
    /// High-water mark of handed-out entries: readers are complete up to here.
    private(set) var handedOut: UInt64

    /// Creates a position after a sequence.
    init(after sequence: UInt64) {
        found = sequence
        handedOut = sequence
    }

    /// Records a found entry. Returns false for one that was found before.
    mutating func entryFound(_ sequence: UInt64) -> Bool {
        guard sequence > found else { return false }
        found = sequence
        return true
    }

    /// Records that the found entry was handed out.
    mutating func entryHandedOut() { handedOut = found }

    /// Records that no entries up to a sequence are outstanding.
    mutating func nothingElse(through sequence: UInt64) {
        found = max(found, sequence)
        handedOut = found
    }
}
