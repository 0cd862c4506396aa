import EventLog
import EventModel
import Logging

/// What is older than memory: one chunk of the log at a time.
extension EdgeConnection {
    func readLog() {
        let position = self.progress.sequence
        let generation = self.generation
        let history = self.hub.history
        let feed = self.hub.fanout.feed
        let source = self.group.chain.source
        self.hub.counters.logReads.add(1)
        self.reader = Task { [weak self] in
            let chunk = await history.read(source, after: position, feed: feed)
            await self?.logRead(chunk, after: position, generation: generation)
        }
    }

    private func logRead(_ chunk: History.Chunk, after position: UInt64, generation: UInt32) {
        self.reader = nil
        // One that is to end needs the rest of the entry that it has begun, and no more.
        guard self.state.isOpen || self.state.isEnding && self.progress.isInMidEntry else { return }
        // In the meantime the conversation has gone back, or the log is another one: what was read is of another place.
        guard generation == self.generation, position == self.progress.sequence else { return self.perform(self.state.logRead()) }
        switch chunk {
        case .entries(let entries, let through, let missedBefore):
            if let missedBefore, !self.skip(to: missedBefore) { return }
            self.replay = (self.hub.page(of: entries, encoder: self.group.chain.encoder), through)
            self.perform(self.state.logRead())
        case .expired(let missedBefore):
            guard self.skip(to: missedBefore) else { return }
            self.perform(self.state.logRead())
        case .unavailable:
            self.hub.logger.warning("the log cannot be read, and a connection ends that has to be served from it")
            self.perform(self.state.logUnavailable(inMidEntry: self.progress.isInMidEntry))
        }
    }

    /// What follows the position left the log before it was delivered: the gap is told, and delivery goes on with what is kept. Returns false
    /// when the connection ends, because the entry that it had begun to send is gone.
    private func skip(to missedBefore: Cursor) -> Bool {
        guard !self.progress.isInMidEntry else {
            self.perform(self.state.entryLost())
            return false
        }
        // A batch has one gap, before its first event: this one is told to the next batch, which begins where this one ends.
        if let batch = self.end.batch, self.deliveries > 0 || batch.gap != nil {
            self.endRequested(.finished)
            return false
        }
        let gap = StreamGap.expired(missedBefore: missedBefore)
        self.progress = DeliveryProgress(sequence: gap.resumptionCursor.sequence)
        self.tell(gap)
        return true
    }

    /// What was read ahead and not sent yet is dropped if the log does not keep all of it any more.
    func logTrimmed(to retention: LogRetention) {
        guard let page = self.replay?.page else { return }
        let next = page.firstEntry(after: self.progress.sequence, in: 0..<page.entryCount)
        let isStale = (next..<page.entryCount).contains { retention.hasDropped(page.entries[$0].sequence) }
        if isStale {
            self.replay = nil
            self.perform(self.state.entriesPublished())
        }
    }
}
