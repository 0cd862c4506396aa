/// The commands of one connection that wait for their answer, and the batches that wait with them.
///
/// A batch gets one answer, an array; it is held until its last command has been answered, while everything else goes on.
struct CommandLedger: Sendable {
    /// Where the answer to a command goes.
    struct Place: Hashable, Sendable {
        /// Which batch.
        let batch: UInt64
        /// Which element of the answer.
        let slot: Int
    }

    /// A command that waits.
    struct Entry: Sendable {
        let id: RPCID
        let method: String
        /// Nil for one that is answered by itself.
        let place: Place?
    }

    private struct HeldBatch: Sendable {
        /// In the order of the requests; nil for what is missing.
        var responses: [[UInt8]?]
        var missing: Int
    }

    private var entries: [CommandToken: Entry] = [:]
    private var batches: [UInt64: HeldBatch] = [:]
    /// Bytes of answers that wait for the rest of their batch.
    private(set) var heldBytes = 0

    /// The number of commands that wait.
    var count: Int { entries.count }

    /// The commands that wait, the oldest first.
    var tokens: [CommandToken] { entries.keys.sorted() }

    /// The command of that token, if it waits.
    subscript(_ token: CommandToken) -> Entry? { entries[token] }

    /// Adds a command.
    mutating func insert(_ token: CommandToken, _ entry: Entry) {
        entries[token] = entry
    }

    /// Takes in the answers to a batch as far as they are there, nil for those that will follow. Returns the text to send, if it is complete.
    mutating func close(batch: UInt64, responses: [[UInt8]?]) -> [UInt8]? {
        let known = responses.compactMap { $0 }
        guard known.count < responses.count else { return known.isEmpty ? nil : RPCEncoding.batch(known) }
        batches[batch] = HeldBatch(responses: responses, missing: responses.count - known.count)
        heldBytes += known.reduce(0) { $0 + $1.count }
        return nil
    }

    /// Takes a command out with the text of its answer. Returns the text to send: that one, or a batch that it completes.
    mutating func settle(_ token: CommandToken, _ response: (Entry) -> [UInt8]) -> [UInt8]? {
        guard let entry = entries.removeValue(forKey: token) else { return nil }
        guard let place = entry.place else { return response(entry) }
        guard var batch = batches.removeValue(forKey: place.batch) else { return nil }
        let answer = response(entry)
        batch.responses[place.slot] = answer
        batch.missing -= 1
        guard batch.missing == 0 else {
            batches[place.batch] = batch
            heldBytes += answer.count
            return nil
        }
        heldBytes -= batch.responses.reduce(0) { $0 + ($1?.count ?? 0) } - answer.count
        return RPCEncoding.batch(batch.responses.compactMap { $0 })
    }

    /// Forgets everything.
    mutating func removeAll() {
        entries = [:]
        batches = [:]
        heldBytes = 0
    }
}
