/// The pending commands of one connection, its renewals of the token, which are answered in the same way, and their batches.
///
/// A batch gets one answer, an array; it is held until its last command is answered, without delaying anything else.
struct CommandLedger: Sendable {
    /// The place of a command's answer in a batch.
    struct Place: Hashable, Sendable {
        /// The batch.
        let batch: UInt64
        /// The index in the answer.
        let slot: Int
    }

    /// A pending command, or a renewal of the token.
    struct Entry: Sendable {
        let id: RPCID
        let method: String
        /// Nil for a command outside of a batch.
        let place: Place?
        /// False for a renewal, which takes no place of a command.
        var isCommand = true
    }

    private struct HeldBatch: Sendable {
        /// In the order of the requests; nil for pending ones.
        var responses: [[UInt8]?]
        var missing: Int
    }

    private var entries: [CommandToken: Entry] = [:]
    private var batches: [UInt64: HeldBatch] = [:]
    /// The bytes of answers held for the rest of their batch.
    private(set) var heldBytes = 0

    /// The number of pending commands, without renewals.
    var count: Int { entries.values.count { $0.isCommand } }

    /// The pending commands and renewals, oldest first.
    var tokens: [CommandToken] { entries.keys.sorted() }

    /// The command of that token, if pending.
    subscript(_ token: CommandToken) -> Entry? { entries[token] }

    /// Adds a command.
    mutating func insert(_ token: CommandToken, _ entry: Entry) {
        entries[token] = entry
    }

    /// Adds a batch with the answers so far, nil for pending ones. Returns the text to send, if complete.
    mutating func close(batch: UInt64, responses: [[UInt8]?]) -> [UInt8]? {
        let known = responses.compactMap { $0 }
        guard known.count < responses.count else { return known.isEmpty ? nil : RPCEncoding.batch(known) }
        batches[batch] = HeldBatch(responses: responses, missing: responses.count - known.count)
        heldBytes += known.reduce(0) { $0 + $1.count }
        return nil
    }

    /// Removes a command, given the text of its answer. Returns the text to send: that one, or the batch that it completes.
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

    /// Removes everything.
    mutating func removeAll() {
        entries = [:]
        batches = [:]
        heldBytes = 0
    }
}
