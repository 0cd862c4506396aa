import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Pages shared by readers")
struct PageChainTests {
    private func makeChain(from sequence: UInt64 = 0) throws -> PageChain {
        PageChain(source: .events(of: Tenant("acme")), encoder: PlainEncoder(), position: ChainPosition(generation: 3, sequence: sequence))
    }

    private func append(_ sequence: UInt64, bytes: Int, to chain: PageChain, budget: Int = .max) throws {
        chain.append(
            [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: bytes),
            sequence: sequence,
            intake: Timestamp(millisecondsSinceEpoch: 0),
            recipients: .everyone,
            type: try EventType("a.b"),
            budget: budget
        )
    }

    private func sequences(_ read: PageChain.Read) -> [UInt64]? {
        guard case .slice(let slice) = read else { return nil }
        return slice.segments.flatMap { segment in segment.entries.map { segment.page.entries[$0].sequence } }
    }

    @Test("entries behind a position are counted over all pages")
    func count() throws {
        let chain = try self.makeChain(from: 10)
        for sequence in UInt64(11)...510 { try self.append(2 * sequence, bytes: 200, to: chain, budget: 40_000) }
        func count(after sequence: UInt64, generation: UInt32 = 3) -> Int? {
            chain.count(after: ChainPosition(generation: generation, sequence: sequence))
        }
        #expect(count(after: 10) == nil, "evicted")
        #expect(count(after: 1020) == 0 && count(after: 1019) == 1 && count(after: 1000) == 10 && count(after: 999) == 11)
        #expect(count(after: 1000, generation: 2) == nil)
    }

    @Test("what the log does not keep any more is not read from pages")
    func trimmed() throws {
        let chain = try self.makeChain()
        for sequence in UInt64(1)...500 { try self.append(sequence, bytes: 200, to: chain) }
        func read(after sequence: UInt64) -> [UInt64]? {
            self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: sequence), maxBytes: .max))
        }
        func trim(first: UInt64, deleted: [UInt64] = []) {
            let deleted = DeletedSequences(ascending: deleted)
            let retention = LogRetention(epoch: 7, firstSequence: first, lastSequence: 500, deleted: deleted)
            chain.trim(to: retention, deleted: deleted.ranges)
        }
        trim(first: 100)
        #expect(read(after: 98) == nil && read(after: 99) == Array(100...500))
        trim(first: 100, deleted: [40])
        #expect(read(after: 99) == Array(100...500), "nothing of it is in the pages")
        // The pages are released: the tail holds what remains.
        trim(first: 100, deleted: [200])
        #expect(read(after: 99) == nil && read(after: 499) == nil && read(after: 500) == [])
        for sequence in UInt64(501)...510 { try self.append(sequence, bytes: 200, to: chain) }
        #expect(read(after: 500) == Array(501...510))
        trim(first: 1000)
        #expect(read(after: 510) == [], "whoever has all of it goes on")
    }

    @Test("a position in front of an entry that is kept is valid, wherever the log begins: what lies between was never the source's")
    func trimmedBetweenEntries() throws {
        let chain = try self.makeChain(from: 10)
        try self.append(900, bytes: 200, to: chain)
        let none = DeletedSequences(ascending: [])
        for first in [500, 900] as [UInt64] {
            chain.trim(to: LogRetention(epoch: 7, firstSequence: first, lastSequence: 1000, deleted: none), deleted: [])
            let read = self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 10), maxBytes: .max))
            #expect(read == [900])
        }
        chain.trim(to: LogRetention(epoch: 7, firstSequence: 901, lastSequence: 1000, deleted: none), deleted: [])
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 10), maxBytes: .max)) == nil)
    }

    @Test("a reader gets what follows its position, across pages of growing size")
    func readsAcrossPages() throws {
        let chain = try self.makeChain()
        for sequence in stride(from: UInt64(2), through: 2000, by: 2) { try self.append(sequence, bytes: 200, to: chain) }
        for position in [UInt64(0), 1, 2, 777, 1998, 1999] {
            let got = self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: position), maxBytes: .max))
            #expect(got == Array(stride(from: position / 2 * 2 + 2, through: 2000, by: 2)))
        }
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 2000), maxBytes: .max)) == [])
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 9999), maxBytes: .max)) == [])
    }

    @Test("a chain keeps to its budget, and tells who is too far behind")
    func eviction() throws {
        let chain = try self.makeChain()
        for sequence in UInt64(1)...5000 { try self.append(sequence, bytes: 300, to: chain, budget: 256 * 1024) }
        guard case .evicted = chain.read(after: ChainPosition(generation: 3, sequence: 1), maxBytes: .max) else {
            Issue.record("1.5 MB in a budget of 256 KB still hold the first entry")
            return
        }
        let recent = self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 4900), maxBytes: .max))
        #expect(recent == Array(4901...5000))
    }

    @Test("a chain with a few short events keeps little more than these")
    func smallChain() throws {
        let chain = try self.makeChain()
        for sequence in UInt64(1)...4 { try self.append(sequence, bytes: 200, to: chain) }
        guard case .slice(let slice) = chain.read(after: ChainPosition(generation: 3, sequence: 0), maxBytes: .max) else {
            Issue.record("the first entry is not there")
            return
        }
        #expect(slice.segments.reduce(0) { $0 + $1.page.footprint } <= 2048)
    }

    @Test("topics count in the footprint of a page")
    func topics() {
        let plain = Page(byteCapacity: 1024, entryCapacity: 8)
        let withTopics = Page(byteCapacity: 1024, entryCapacity: 8, hasTopics: true)
        #expect(withTopics.footprint == plain.footprint + 8 * PageEntry.topicBytes)
    }

    @Test("an entry larger than any page gets one of its own")
    func largeEntry() throws {
        let chain = try self.makeChain()
        try self.append(1, bytes: 10, to: chain)
        try self.append(2, bytes: 300_000, to: chain)
        try self.append(3, bytes: 10, to: chain)
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 0), maxBytes: .max)) == [1, 2, 3])
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 1), maxBytes: 1)) == [2])
    }

    @Test("a chain that begins late has nothing from before")
    func beginsLate() throws {
        let chain = try self.makeChain(from: 40)
        guard case .evicted = chain.read(after: ChainPosition(generation: 3, sequence: 39), maxBytes: .max) else {
            // Nothing was appended, so the chain ends where it begins, and 39 is older than that.
            Issue.record("a position before the chain's beginning was answered from it")
            return
        }
        try self.append(41, bytes: 5, to: chain)
        #expect(self.sequences(chain.read(after: ChainPosition(generation: 3, sequence: 40), maxBytes: .max)) == [41])
    }

    @Test("positions of a former log are told apart, whatever their number")
    func replaced() throws {
        let chain = try self.makeChain()
        try self.append(100, bytes: 5, to: chain)
        chain.restart(at: ChainPosition(generation: 4, sequence: 2))
        try self.append(3, bytes: 5, to: chain)
        guard case .replaced(let start) = chain.read(after: ChainPosition(generation: 3, sequence: 2), maxBytes: .max) else {
            Issue.record("not told")
            return
        }
        #expect(start == ChainPosition(generation: 4, sequence: 2))
        #expect(self.sequences(chain.read(after: start, maxBytes: .max)) == [3])
    }

    @Test("readers on other threads see whole entries in order while the writer appends")
    func concurrentReaders() async throws {
        let chain = try self.makeChain()
        let last: UInt64 = 20_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for sequence in 1...last { try self.append(sequence, bytes: 50 + Int(sequence % 100), to: chain) }
            }
            for _ in 0..<3 {
                group.addTask {
                    var position = ChainPosition(generation: 3, sequence: 0)
                    while position.sequence < last {
                        guard case .slice(let slice) = chain.read(after: position, maxBytes: 64 * 1024) else { throw Unexpected() }
                        for segment in slice.segments {
                            for index in segment.entries {
                                let entry = segment.page.entries[index]
                                guard entry.sequence == position.sequence + 1 else { throw Unexpected() }
                                let bytes = UnsafeRawBufferPointer(
                                    start: segment.page.bytes + segment.page.start(of: index),
                                    count: entry.end - segment.page.start(of: index)
                                )
                                guard bytes.count == 50 + Int(entry.sequence % 100),
                                    bytes.allSatisfy({ $0 == UInt8(truncatingIfNeeded: entry.sequence) })
                                else { throw Unexpected() }
                                position.sequence = entry.sequence
                            }
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private struct Unexpected: Error {}
}
