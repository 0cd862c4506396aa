import EventLog
import EventModel

/// What is encoded once for all connections that get the same.
extension LoopHub {
    /// Entries of a chain that have left its pages, from the tail; `nil` when they have left that, too. Connections that
    /// ask for the same within a round share one.
    func tailChunk(of chain: PageChain, after sequence: UInt64) -> ChunkCache.Chunk? {
        if let chunk = self.chunks.chunk(of: chain, after: sequence) { return chunk }
        // The tail holds tenants' events only.
        guard case .events(let tenant) = chain.source, !self.tail.deleted.contains(sequence) else { return nil }
        switch self.tail.read(tenant: tenant, after: sequence, maxBytes: self.configuration.bytesPerTurn) {
        case .entries(let entries, let through):
            self.counters.tailReads.add(1)
            let chunk = ChunkCache.Chunk(page: self.page(of: entries, encoder: chain.encoder), through: through)
            self.chunks.insert(chunk, of: chain, after: sequence)
            return chunk
        case .evicted:
            return nil
        }
    }

    /// Encodes entries into a page of their own. Any thread.
    nonisolated func page(of entries: [LogEntry], encoder: any StreamEncoder) -> Page {
        var encoded: [[UInt8]] = []
        encoded.reserveCapacity(entries.count)
        let epoch = self.fanout.feed.epoch
        for entry in entries {
            var bytes: [UInt8] = []
            encoder.append(entry, cursor: entry.cursor(epoch: epoch), to: &bytes)
            encoded.append(bytes)
        }
        let page = Page(byteCapacity: encoded.reduce(0) { $0 + $1.count }, entryCapacity: entries.count)
        for (entry, bytes) in zip(entries, encoded) {
            page.append(
                bytes,
                sequence: entry.sequence,
                intake: entry.intake,
                user: entry.event.user,
                type: entry.event.type,
                topic: encoder.topic(of: entry.event),
                isFinal: entry.execution?.isFinal ?? false
            )
        }
        return page
    }

    /// A cursor to a place at which a connection stands: its time is one that recognises the place, or says nothing.
    func cursor(at sequence: UInt64) -> Cursor {
        let feed = self.fanout.feed
        if sequence == feed.position.sequence { return feed.cursor }
        if sequence == feed.lifeStart.sequence { return feed.lifeStart }
        return self.tail.cursor(at: sequence, epoch: feed.epoch)
    }

    /// The heartbeat of this tick, encoded once for all who get the same.
    func heartbeat(_ encoder: any StreamEncoder, cursor: Cursor) -> [UInt8] {
        if let cached = self.heartbeatBytes, cached.cursor == cursor, cached.name == encoder.name { return cached.bytes }
        let isLive = self.standing.stalledSince == nil
        let bytes = encoder.heartbeat(cursor: cursor, time: self.configuration.wallClock(), isLive: isLive)
        self.heartbeatBytes = (encoder.name, cursor, bytes)
        return bytes
    }
}
