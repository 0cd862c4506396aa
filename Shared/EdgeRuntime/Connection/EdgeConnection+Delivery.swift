import EventModel

/// What goes out: entries from the position on, and control bytes between them.
extension EdgeConnection {
    /// What a step of a turn costs besides the bytes it looks at, in bytes.
    private static let stepCost = 1024
    /// How much of an entry is kept for a connection whose socket became full in the middle of it, in bytes. The rest of a longer one is sent from
    /// memory or the log, as long as it is there.
    private static let restLimit = 16 * 1024

    /// Writes from the position towards the end, until the end, a full socket, or the turn's budget.
    func deliver() {
        self.writeTurn()
        self.budgetUnsent()
        // The client is listened to again as soon as it has read most of its answers.
        if self.isDeaf, self.outbox.count <= Self.outboxLimit, self.state.phase != .closed {
            self.hub.assumeIsolated { $0.listenLater(to: self) }
        }
        self.releasePendingWork()
    }

    private func writeTurn() {
        let budget = self.hub.configuration.bytesPerTurn
        // What is looked at counts, and not only what is written: a filter that nothing passes must not hold up the others.
        var work = 0
        while work < budget {
            // Control bytes go between entries: one that was begun is finished first.
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
        guard !self.isContinuing else { return }
        self.isContinuing = true
        self.hub.assumeIsolated { $0.continueLater(self) }
    }

    private enum Step {
        /// Write this; after it everything up to `through` has been handled.
        case send(PageSlice, through: UInt64?)
        case lookAgain
        /// There is nothing to send.
        case caughtUp
        /// What there is must be fetched first, or the connection has begun to end.
        case wait
    }

    /// What comes after the position, wherever it is: read from the log, in the pages, or in the tail.
    private func nextStep() -> Step {
        let position = ChainPosition(generation: self.generation, sequence: self.progress.sequence)
        if let replay = self.replay { return .send(Self.slice(of: replay.page, after: position.sequence), through: replay.through) }
        switch self.group.chain.read(after: position, maxBytes: self.hub.configuration.bytesPerTurn) {
        case .slice(let slice):
            return slice.isEmpty ? .caughtUp : .send(slice, through: nil)
        case .evicted:
            let chain = self.group.chain
            guard let chunk = self.hub.assumeIsolated({ $0.tailChunk(of: chain, after: position.sequence) }) else {
                // What would have to be read from the log is for the next batch, once this one has waited long enough.
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

    /// There is nothing more to send for now. A batch that holds something ends with it.
    private func caughtUp() {
        guard let batch = self.end.batch, self.deliveries > 0 || batch.gap != nil || batch.isOverdue else { return }
        self.endRequested(.finished)
    }

    /// Everything up to `sequence` has been handled.
    private func passed(_ sequence: UInt64) {
        self.replay = nil
        self.progress.sequence = max(self.progress.sequence, sequence)
    }

    /// The log was replaced, or dropped what the feed had not read yet: that is a gap, and it is told.
    private func moveToNewLog(_ start: ChainPosition) -> Step {
        // A batch has one gap, before its first event: one that holds events already is cut, and its client asks for it again.
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

    /// What is missing before the place where another life of the log begins, or the part of it that the feed follows.
    func gap(before start: ChainPosition) -> StreamGap {
        let place = self.hub.assumeIsolated { $0.cursor(at: start.sequence) }
        let isReplaced = self.generation < self.hub.fanout.feed.replacedAt
        return isReplaced ? .unknownCursor(current: place) : .expired(missedBefore: place.next)
    }

    /// Puts the notice of a gap before what comes next; a batch ends with it.
    func tell(_ gap: StreamGap) {
        self.end.batch?.missed(gap)
        self.outbox.append(self.group.chain.encoder.gap(gap, time: self.hub.configuration.wallClock()))
        self.hub.counters.gaps.add(1)
    }

    /// Writes a slice. Returns whether all of it went and delivery may go on.
    func send(_ slice: PageSlice) -> Bool {
        let end = self.end.last(of: slice, for: self.audience, entries: Int(self.deliveries), bytes: Int(clamping: self.bytes))
        let slice = self.begun(end.map { slice.prefix(through: $0) } ?? slice)
        let result =
            if let conversation = self.conversation {
                SliceWriter.write(
                    slice,
                    progress: &self.progress,
                    audience: ConversationFilter(audience: self.audience, conversation: conversation, begun: self.progress.begun),
                    to: &self.socket
                )
            } else {
                SliceWriter.write(slice, progress: &self.progress, audience: self.audience, to: &self.socket)
            }
        self.bytes += UInt64(result.bytes)
        self.deliveries &+= UInt32(truncatingIfNeeded: result.deliveries)
        self.hub.counters.deliveries.add(result.deliveries)
        self.hub.counters.bytes.add(result.bytes)
        if let batch = self.end.batch, let entry = slice.last(upTo: self.progress.begun ?? self.progress.sequence) { batch.passed(entry) }
        switch result.outcome {
        case .drained:
            // One that ends already has its last words to send.
            guard end != nil, self.state.isOpen else { return true }
            self.endRequested(.finished)
        case .blocked:
            // With its last entry the stream ends; that is seen where it is sent from its slice.
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

    /// `slice` from the first entry of a batch on, what separates that from an entry before counted as sent.
    private func begun(_ slice: PageSlice) -> PageSlice {
        guard let batch = self.end.batch, batch.separator > 0, self.deliveries == 0, !self.progress.isInMidEntry,
            let first = slice.first(for: self.audience)
        else { return slice }
        self.progress = DeliveryProgress(sequence: max(first.sequence, 1) - 1, sentBytes: batch.separator, partialSequence: first.sequence)
        return slice.suffix(after: self.progress.sequence)
    }

    /// Finishes the entry that was begun. Returns whether it is finished.
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
        /// Nothing is left; so many bytes were written.
        case emptied(Int)
        case limitReached
        /// The socket is full, or has failed.
        case stopped
    }

    /// Sends up to `limit` bytes of what is queued.
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
        // What was read ahead for too many laggards is read again when it is wanted.
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
