import EventModel
import Logging

/// What is older than memory: one chunk of the log at a time.
extension EdgeConnection {
    func readLog() {
        let position = self.progress.sequence
        let generation = self.generation
        let history = self.hub.history
        let tenant = self.group.run.tenant
        let execution = self.group.run.form.execution
        self.hub.counters.logReads.add(1)
        self.reader = Task { [weak self] in
            let chunk = await history.read(tenant: tenant, execution: execution, after: position)
            await self?.logRead(chunk, after: position, generation: generation)
        }
    }

    private func logRead(_ chunk: History.Chunk, after position: UInt64, generation: UInt32) {
        self.reader = nil
        guard self.state.isOpen else { return }
        // In the meantime the conversation has gone back, or the log is another one: what was read is of another place.
        guard generation == self.generation, position == self.progress.sequence else { return self.perform(self.state.logRead()) }
        switch chunk {
        case .entries(let entries, let through):
            self.replay = (self.hub.page(of: entries, form: self.group.run.form), through)
            self.perform(self.state.logRead())
        case .expired(let missedBefore):
            // What it stood before was thrown away while it lagged: told, then on with what is kept.
            guard !self.progress.isInMidEntry else { return self.perform(self.state.entryLost()) }
            let gap = StreamGap.expired(missedBefore: missedBefore)
            self.progress = DeliveryProgress(sequence: gap.resumptionCursor.sequence)
            self.tell(gap)
            self.perform(self.state.logRead())
        case .unavailable:
            self.hub.logger.warning("the log cannot be read, and a connection ends that has to be served from it")
            self.perform(self.state.logUnavailable())
        }
    }
}
