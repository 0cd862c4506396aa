import Basics
import EventLog
import EventModel

/// The chains by source and encoding, with the readers of each; a value, under the lock of ``Fanout``.
struct ChainTable {
    /// A chain and its readers.
    struct Entry {
        let chain: PageChain
        var readers: [ObjectIdentifier: any ChainReader] = [:]
    }

    private var sources: [LogSource: [Entry]] = [:]
    /// Number of chains of tenants' events.
    private(set) var eventChains = 0
    /// Number of chains of executions, by tenant.
    private var executionChains: [Tenant: Int] = [:]

    /// Into how many equal parts the memory for executions is cut, of which a chain of the tenant gets one: tenants have equal shares, whatever number of
    /// executions the others look at.
    ///
    /// - Parameter adding: chains of the tenant that are about to be added.
    func executionParts(of tenant: Tenant, adding: Int = 0) -> Int {
        let own = self.executionChains[tenant] ?? 0
        let tenants = self.executionChains.count + (own == 0 && adding > 0 ? 1 : 0)
        return max(1, tenants) * max(1, own + adding)
    }

    /// The chains of a source, one for each encoding.
    subscript(source: LogSource) -> [Entry]? { self.sources[source] }

    /// Adds a reader to a chain; creates the chain from `position` on when it is absent.
    mutating func add(
        _ reader: any ChainReader,
        to source: LogSource,
        _ encoder: any StreamEncoder,
        from position: ChainPosition
    ) -> PageChain {
        var entry =
            self.removeEntry(of: source, encoder.name)
            ?? Entry(chain: PageChain(source: source, encoder: encoder, position: position))
        entry.readers[ObjectIdentifier(reader)] = reader
        self.append(entry)
        return entry.chain
    }

    /// Adds a chain without readers; the source must not have one in its encoding.
    mutating func insert(_ chain: PageChain) { self.append(Entry(chain: chain)) }

    /// Removes a reader from the chain of its source and encoding.
    mutating func remove(_ reader: any ChainReader, from chain: PageChain) {
        guard var entry = self.removeEntry(of: chain.source, chain.encoder.name) else { return }
        entry.readers[ObjectIdentifier(reader)] = nil
        self.append(entry)
    }

    /// Whether a chain of the source has readers.
    func hasReaders(of source: LogSource) -> Bool { self.sources[source]?.contains { !$0.readers.isEmpty } ?? false }

    /// Drops the chains of a source that have no readers.
    mutating func dropUnread(of source: LogSource) {
        guard let entries = self.sources[source] else { return }
        let read = entries.filter { !$0.readers.isEmpty }
        self.sources[source] = read.isEmpty ? nil : read
        self.count(source, read.count - entries.count)
    }

    /// Restarts all chains and wakes their readers.
    func restart(at position: ChainPosition) {
        for entry in self.sources.values.joined() {
            entry.chain.restart(at: position)
            for reader in entry.readers.values { reader.chainGrew(entry.chain) }
        }
    }

    /// Removes entries that the log no longer keeps. Returns all readers: they may hold copies of some.
    func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) -> [ObjectIdentifier: any ChainReader] {
        var readers: [ObjectIdentifier: any ChainReader] = [:]
        for entry in self.sources.values.joined() {
            entry.chain.trim(to: retention, deleted: deleted)
            readers.merge(entry.readers) { first, _ in first }
        }
        return readers
    }

    private mutating func append(_ entry: Entry) {
        self.sources[entry.chain.source, default: []].append(entry)
        self.count(entry.chain.source, 1)
    }

    private mutating func removeEntry(of source: LogSource, _ encoder: String) -> Entry? {
        guard let index = self.sources[source]?.firstIndex(where: { $0.chain.encoder.name == encoder }) else { return nil }
        self.count(source, -1)
        return self.sources[source]?.remove(at: index)
    }

    private mutating func count(_ source: LogSource, _ change: Int) {
        switch source {
        case .events: self.eventChains += change
        case .execution(let reference):
            let count = self.executionChains[reference.tenant, default: 0] + change
            self.executionChains[reference.tenant] = count > 0 ? count : nil
        }
    }
}
