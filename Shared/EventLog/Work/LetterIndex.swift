import NATSClient

/// Index of the letters of one `DEADLETTERS` subject by log entry, as far as they were read. An indexed letter may have been removed since.
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

    /// Number of the last letter read; 0 when there is none.
    private(set) var position: UInt64 = 0
    private var ids: [Entry: UInt64] = [:]

    /// Number of the last letter about an entry; nil when there is none.
    subscript(entry: Entry) -> UInt64? { ids[entry] }

    /// Adds a letter; nil for a malformed message.
    mutating func read(_ letter: DeadLetter?, id: UInt64) {
        position = id
        guard let letter else { return }
        ids[Entry(of: letter)] = id
        // The server keeps no more per subject. Allow twice as many, so that they are not sorted for every letter.
        let maximum = Int(DeadLetters.perSubject)
        guard ids.count > 2 * maximum else { return }
        ids = Dictionary(uniqueKeysWithValues: ids.sorted { $0.value > $1.value }.prefix(maximum).map { ($0.key, $0.value) })
    }
}
