import EventModel

/// Output: entries from the position on, and control bytes between them.
extension EdgeConnection {
    /// The cost of a step of a turn besides the bytes examined, in bytes.
    private static let stepCost = 1024
    /// The most bytes of an entry that are copied when the socket becomes full in the middle of it. The rest of a longer entry is sent from
    /// memory or the log, as long as it is kept there.
    private static let restLimit = 16 * 1024

    /// Writes from the position on, until the end, a full socket, or the turn's budget.
    func deliver() {
        self.writeTurn()
        self.budgetUnsent()
        // Resume reading from the client as soon as it has read most of its answers.
        if self.isDeaf, self.outbox.count <= Self.outboxLimit, self.state.phase != .closed {
            self.hub.assumeIsolated { $0.listenLater(to: self) }
        }
        self.releasePendingWork()
    }

    /// As ``perform(_:)``, but in turn with other tenants: many sockets may become writable in one round.
    func performInTurn(_ action: ConnectionState.DeliveryAction) {
        switch action {
        case .none: break
        case .deliver: self.continueLater()
        }
    }

    /// Writes what is new, unless a turn is to come, which writes it: input and answers buy no further turns.
    func deliverUnlessInTurn() {
        guard !self.isContinuing else { return }
        self.perform(self.state.entriesPublished())
    }

    /// Asks the hub for a turn, unless it has been asked.
    func continueLater() {
        guard !self.isContinuing else { return }
        self.isContinuing = true
        self.hub.assumeIsolated { $0.continueLater(self) }
    }

    private func writeTurn() {
        let budget = self.hub.configuration.bytesPerTurn
        // Entries examined count, not only bytes written: a filter that rejects everything must not delay other connections.
        var work = 0
        while work < budget {
            if let slice = self.sliceFromRest() {
                self.rest = []
                work += slice.byteCount + Self.stepCost
                guard self.send(slice) else { return }
                continue
            }
            // Control bytes go between entries: finish the entry in progress first.
            if !self.rest.isEmpty {
                guard self.sendRest() else { return }
                work += Self.stepCost
            }
            if !self.progress.isInMidEntry {
                switch self.flushOutbox(limit: budget - work) {
                case .emptied(let bytes): work += bytes
                case .limitReached: break
                case .stopped: return
                }
                if !self.outbox.isEmpty { break }
                guard self.state.isOpen else { return self.perform(self.state.farewellSent()) }
                if !self.changes.isEmpty {
                    self.apply(self.changes.removeFirst())
                    guard self.state.isOpen else { return }
                    work += Self.stepCost
                    continue
                }
            }
            switch self.nextStep() {
            case .send(let slice, let through):
                work += slice.byteCount + Self.stepCost
                let isCut = !self.outbox.isEmpty || !self.state.isOpen
                guard self.send(isCut ? slice.prefix(through: self.progress.partialSequence) : slice) else { return }
                if let through, !isCut { self.passed(through) }
            case .lookAgain: work += Self.stepCost
            case .caughtUp: return self.caughtUp()
            case .wait: return
            }
        }
        self.continueLater()
    }

    /// Returns what follows the position, so that one write sends it and the rest of the entry in progress: nil without one, if something goes between
    /// the two, or if the pages no longer hold the entry.
    private func sliceFromRest() -> PageSlice? {
        guard !self.rest.isEmpty, self.outbox.isEmpty, self.changes.isEmpty, self.state.isOpen, self.replay == nil else { return nil }
        // After another short write the rest must be copied again, which it is not where laggards hold too much, nor for the last entry of a batch.
        guard self.end.batch == nil, !self.hub.laggardBytes.isExceeded else { return nil }
        let position = ChainPosition(generation: self.generation, sequence: self.progress.sequence)
        let begun = self.progress.partialSequence
        guard case .slice(let slice) = self.group.chain.read(after: position, maxBytes: self.hub.configuration.bytesPerTurn),
            slice.last(upTo: begun)?.sequence == begun
        else { return nil }
        return slice
    }

    private enum Step {
        /// Write this slice; everything up to `through` has then been handled.
        case send(PageSlice, through: UInt64?)
        case lookAgain
        /// There is nothing to send.
        case caughtUp
        /// Wait for a read of the log, or the connection is ending.
        case wait
    }

    /// Finds what follows the position: in the chunk read from the log, the pages, or the tail.
    private func nextStep() -> Step {
        let position = ChainPosition(generation: self.generation, sequence: self.progress.sequence)
        if let replay = self.replay { return .send(Self.slice(of: replay.page, after: position.sequence), through: replay.through) }
        switch self.group.chain.read(after: position, maxBytes: self.hub.configuration.bytesPerTurn) {
        case .slice(let slice):
            return slice.isEmpty ? .caughtUp : .send(slice, through: nil)
        case .evicted:
            let chain = self.group.chain
            guard let chunk = self.hub.assumeIsolated({ $0.tailChunk(of: chain, after: position.sequence) }) else {
                // A read of the log would take too long for a batch whose wait is over: leave it to the next batch.
                let isOver = !self.progress.isInMidEntry && self.end.batch.map { $0.isOverdue && $0.hasProgressed } ?? false
                if isOver { self.endRequested(.finished) } else { self.perform(self.state.positionLeftMemory()) }
                return .wait
            }
            guard chunk.through > position.sequence else { return .caughtUp }
            return .send(Self.slice(of: chunk.page, after: position.sequence), through: chunk.through)
        case .replaced(let start):
            return self.moveToNewLog(start)
        }
    }

    /// The position is at the end. Ends a batch that has an entry or a gap, or whose wait is over.
    private func caughtUp() {
        guard let batch = self.end.batch, self.deliveries > 0 || batch.gap != nil || batch.isOverdue else { return }
        self.endRequested(.finished)
    }

    /// Advances the position to `sequence`.
    private func passed(_ sequence: UInt64) {
        self.replay = nil
        self.progress.sequence = max(self.progress.sequence, sequence)
    }

    /// The log was replaced, or dropped entries that the feed had not read yet: send a gap.
    private func moveToNewLog(_ start: ChainPosition) -> Step {
        // A batch has one gap, before its first event. One that has events already is cut off, and the client requests it again.
        guard !self.progress.isInMidEntry, self.end.batch == nil || self.deliveries == 0 else {
            self.perform(self.state.entryLost())
            return .wait
        }
        let gap = self.gap(before: start)
        self.generation = start.generation
        self.progress = DeliveryProgress(sequence: start.sequence)
        self.replay = nil
        self.conversation?.logReplaced(position: start.sequence)
        self.tell(gap)
        return .lookAgain
    }

    /// Returns the gap before `start`, where a new generation of the log begins.
    func gap(before start: ChainPosition) -> StreamGap {
        let place = self.hub.assumeIsolated { $0.cursor(at: start.sequence) }
        let isReplaced = self.generation < self.hub.fanout.feed.replacedAt
        return isReplaced ? .unknownCursor(current: place) : .expired(missedBefore: place.next)
    }

    /// Queues the notice of a gap before the next entry; a batch reports it at its end.
    func tell(_ gap: StreamGap) {
        self.end.batch?.missed(gap)
        self.outbox.append(self.group.chain.encoder.gap(gap, time: self.hub.configuration.wallClock()))
        self.hub.counters.gaps.add(1)
    }

    /// Writes a slice. Returns whether all of it was written and delivery may continue.
    func send(_ slice: PageSlice) -> Bool {
        let end = self.end.last(of: slice, for: self.audience, entries: Int(self.deliveries), bytes: Int(clamping: self.bytes))
        let slice = self.begun(end.map { slice.prefix(through: $0) } ?? slice)
        // Copies, because access to a property during a call is checked at run time.
        var (progress, socket) = (self.progress, self.socket)
        let result =
            if let conversation = self.conversation {
                SliceWriter.write(
                    slice,
                    progress: &progress,
                    audience: ConversationFilter(audience: self.audience, conversation: conversation, begun: progress.begun),
                    to: &socket
                )
            } else {
                SliceWriter.write(slice, progress: &progress, audience: self.audience, to: &socket)
            }
        self.progress = progress
        self.bytes += UInt64(result.bytes)
        self.deliveries &+= UInt32(truncatingIfNeeded: result.deliveries)
        self.hub.counters.deliveries.add(result.deliveries)
        self.hub.counters.bytes.add(result.bytes)
        if let batch = self.end.batch, let entry = slice.last(upTo: self.progress.begun ?? self.progress.sequence) { batch.passed(entry) }
        switch result.outcome {
        case .drained:
            // An ending connection has its farewell queued already.
            guard end != nil, self.state.isOpen else { return true }
            self.endRequested(.finished)
        case .blocked:
            // The last entry of a stream is recognised only when it is sent from its slice, so it is not copied.
            if self.progress.isInMidEntry, self.progress.partialSequence != end, !self.hub.laggardBytes.isExceeded {
                self.rest = slice.rest(of: self.progress.partialSequence, from: self.progress.sentBytes, atMost: Self.restLimit)[...]
            }
            self.becameBlocked()
        case .failed:
            self.perform(self.state.socketFailed())
        case .entryLost:
            self.perform(self.state.entryLost())
        }
        return false
    }

    /// Returns `slice` from the first entry of a batch on, with that entry's separator counted as sent.
    private func begun(_ slice: PageSlice) -> PageSlice {
        guard let batch = self.end.batch, batch.separator > 0, self.deliveries == 0, !self.progress.isInMidEntry,
            let first = slice.first(for: self.audience)
        else { return slice }
        self.progress = DeliveryProgress(sequence: max(first.sequence, 1) - 1, sentBytes: batch.separator, partialSequence: first.sequence)
        return slice.suffix(after: self.progress.sequence)
    }

    /// Writes the rest of the entry in progress. Returns whether it is finished.
    private func sendRest() -> Bool {
        guard let taken = self.socket.write(self.rest) else {
            self.perform(self.state.socketFailed())
            return false
        }
        self.bytes += UInt64(taken)
        self.hub.counters.bytes.add(taken)
        guard taken == self.rest.count else {
            self.rest = Array(self.rest.dropFirst(taken))[...]
            self.progress.sentBytes += taken
            self.becameBlocked()
            return false
        }
        self.rest = []
        self.progress = DeliveryProgress(sequence: self.progress.partialSequence)
        self.deliveries &+= 1
        self.hub.counters.deliveries.add(1)
        return true
    }

    enum Flush {
        /// The queue is empty; the number of bytes written.
        case emptied(Int)
        case limitReached
        /// The socket is full, or has failed.
        case stopped
    }

    /// Writes up to `limit` bytes of the queue.
    func flushOutbox(limit: Int) -> Flush {
        guard !self.outbox.isEmpty else { return .emptied(0) }
        let (outcome, bytes) = self.outbox.write(to: &self.socket, limit: limit)
        self.bytes += UInt64(bytes)
        self.hub.counters.bytes.add(bytes)
        switch outcome {
        case .emptied: return .emptied(bytes)
        case .limitReached: return .limitReached
        case .blocked: self.becameBlocked()
        case .failed: self.perform(self.state.socketFailed())
        }
        return .stopped
    }

    private func becameBlocked() {
        // Release the chunk when laggards hold too much; it is read again on demand.
        if self.replay != nil, self.hub.laggardBytes.isExceeded { self.replay = nil }
        self.state.writeFellShort(now: self.hub.loop.now())
        self.hub.counters.blockedWrites.add(1)
    }

    private static func slice(of page: Page, after sequence: UInt64) -> PageSlice {
        let first = page.firstEntry(after: sequence, in: 0..<page.entryCount)
        guard first < page.entryCount else { return PageSlice(segments: []) }
        return PageSlice(segments: [PageSegment(page: page, entries: first..<page.entryCount)])
    }
}
