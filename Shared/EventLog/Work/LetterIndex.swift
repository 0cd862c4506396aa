import NATSClient

/// The letters of one subject of `DEADLETTERS`, by what they are about, as far as a process has read them. A letter that is in it may have been removed.
struct LetterIndex: Sendable {
    /// An entry of the log.
    struct Entry: Hashable, Sendable {
        let epoch: UInt16
        let sequence: UInt64

        init(of letter: DeadLetter) {
            epoch = letter.epoch
            sequence = letter.sequence
        }
    }

    /// The number of the last letter that was read; 0 when there is none.
    private(set) var position: UInt64 = 0
    private var ids: [Entry: UInt64] = [:]

    /// The number of the last letter about an entry; nil where there is none.
    subscript(entry: Entry) -> UInt64? { ids[entry] }

    /// Goes on to a letter; nil for a message that is none.
    mutating func read(_ letter: DeadLetter?, id: UInt64) {
        position = id
        guard let letter else { return }
        ids[Entry(of: letter)] = id
        // The server keeps no more of a subject. Twice as many are let in, so that they are not sorted for every letter.
        let maximum = Int(DeadLetters.perSubject)
        guard ids.count > 2 * maximum else { return }
        ids = Dictionary(uniqueKeysWithValues: ids.sorted { $0.value > $1.value }.prefix(maximum).map { ($0.key, $0.value) })
    }
}
