/// How far a pass over the stream is, while one thread hands out what it finds and others look.
///
/// Between the two moments an entry is on its way to those who wanted it when it was found: who comes now does not get it any more, and who
/// leaves now has not got it yet.
struct ScanPosition: Sendable, Equatable {
    /// Everything up to here was found: a reader who has less comes too late.
    private(set) var found: UInt64
    /// Everything up to here is with its readers: so far, and no further, they can be told that they have everything.
    private(set) var handedOut: UInt64

    /// A pass that begins after a sequence.
    init(after sequence: UInt64) {
        found = sequence
        handedOut = sequence
    }

    /// The next entry was found. Returns false for one that was found before.
    mutating func entryFound(_ sequence: UInt64) -> Bool {
        guard sequence > found else { return false }
        found = sequence
        return true
    }

    /// What was found is with its readers.
    mutating func entryHandedOut() { handedOut = found }

    /// There is nothing up to a sequence that was not handed out.
    mutating func nothingElse(through sequence: UInt64) {
        found = max(found, sequence)
        handedOut = found
    }
}
