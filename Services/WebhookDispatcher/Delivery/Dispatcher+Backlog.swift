import Basics
import EventLog
import EventModel
import Logging
import Webhooks

/// What the feed reports, and what is read behind it.
extension Dispatcher {
    // MARK: The feed

    /// Applies what the feed has reported.
    func applyReports() {
        guard isStarted else { return }
        for item in inbox.take() {
            switch item {
            case .entry(let entry): offer(entry)
            case .advanced(let sequence): position = max(position, sequence)
            case .passedOver(let sequence):
                // What is missing is found missing by a read.
                for row in table.all where row.isChosen && row.isAtHead {
                    row.noteRead(through: position)
                    row.isAtHead = false
                }
                position = max(position, sequence)
                for row in table.all where row.isChosen { evaluate(row) }
            case .replaced(let epoch, let position):
                self.epoch = epoch
                self.position = position
                lives += 1
                for row in table.all { row.rewind() }
                for row in table.all where row.isChosen { place(row) }
            }
        }
    }

    /// Gives a new event to the tenant's endpoints that get it. Those at the head take its bytes; one that is behind reads it later.
    private func offer(_ entry: LogEntry) {
        let before = position
        position = max(position, entry.sequence)
        guard let group = table.groups[entry.event.tenant] else { return }
        group.lastEvent = entry.sequence
        var message: OutgoingMessage?
        for row in group.rows.values where row.isChosen && row.isAtHead && entry.sequence > row.readThrough {
            if case .disabled = row.currentState {
                // Its backlog begins here.
                row.noteRead(through: before)
                row.isAtHead = false
                continue
            }
            guard row.selection.includes(entry.event) else { continue }
            if let drive = row.drive, case .enabled = drive.delivery.health.state {
                let encoded = message ?? OutgoingMessage(entry, epoch: epoch)
                message = encoded
                if drive.delivery.queue.hasRoom(for: encoded.size, isTight: isHoldingTooMuch) {
                    drive.delivery.read { $0.append(encoded) }
                    drive.activeAt = clock()
                    evaluate(row)
                    continue
                }
            }
            row.noteRead(through: before)
            row.isAtHead = false
            row.hasWork = row.drive == nil
            evaluate(row)
        }
    }

    // MARK: Reading

    /// Reads the log for an endpoint that is behind.
    func read(for row: TrackedEndpoint) {
        guard !row.isAtHead else { return }
        row.group.hungry.insert(row)
        startReading(row.group)
    }

    /// Starts the read of a tenant, one at a time, and few at a time of all tenants.
    private func startReading(_ group: TenantEndpoints) {
        guard !group.isReading, !group.hungry.isEmpty, !isStopping else { return }
        group.isReading = true
        guard readsUnderWay < limits.reads else {
            waitingReads.append(group)
            return
        }
        readsUnderWay += 1
        Task { await read(group) }
    }

    /// Reads piece after piece for those of a tenant's endpoints that wait for more, each for all whose places it contains.
    private func read(_ group: TenantEndpoints) async {
        while !group.hungry.isEmpty, !isStopping, await readNext(group) {
            // A long backlog does not keep the actor.
            await Task.yield()
        }
        for row in group.hungry { pause(row) }
        group.hungry = []
        group.isReading = false
        readsUnderWay -= 1
        pump()
        while readsUnderWay < limits.reads, !waitingReads.isEmpty {
            let next = waitingReads.removeFirst()
            next.isReading = false
            startReading(next)
        }
    }

    /// Reads one piece, and returns whether the next one follows at once.
    private func readNext(_ group: TenantEndpoints) async -> Bool {
        let life = lives
        do throws(EventLogError) {
            let isRead = try await readPiece(group)
            // The report of a replacement that was applied meanwhile has sent all endpoints here.
            return isRead || lives != life
        } catch {
            if let row = group.hungry.first, error.code != .cancelled { complain("the log could not be read, trying again", row, error) }
            return false
        }
    }

    /// Reads one piece.
    ///
    /// - Returns: false when the log was replaced meanwhile, or its report is still to come, which says what follows.
    private func readPiece(_ group: TenantEndpoints) async throws(EventLogError) -> Bool {
        let strays = group.hungry.filter(isAstray)
        if !strays.isEmpty { return try await placeStrays(strays, of: group) }
        guard let after = group.hungry.lazy.map(\.readThrough).min() else { return false }
        let (life, end) = (lives, position)
        let read: LogRead
        switch feed.tail.read(tenant: group.tenant, after: after, maxBytes: limits.pieceBytes) {
        case .entries(let entries, let through): read = LogRead(entries: entries, position: through)
        case .evicted:
            read = try await log.read(.events(of: group.tenant), after: after, through: end, maxBytes: limits.pieceBytes)
        }
        guard isSameLog(life) else { return false }
        apply(read, after: after, to: group)
        return true
    }

    /// Gives a piece to the endpoints whose places it contains.
    private func apply(_ read: LogRead, after: UInt64, to group: TenantEndpoints) {
        let rows = group.hungry.filter { !$0.isStray && $0.readThrough >= after && $0.readThrough <= read.position }
        var messages = [OutgoingMessage?](repeating: nil, count: read.entries.count)
        func message(_ index: Int) -> OutgoingMessage {
            let message = messages[index] ?? OutgoingMessage(read.entries[index], epoch: epoch)
            messages[index] = message
            return message
        }
        for row in rows {
            group.hungry.remove(row)
            let selection = row.selection
            if let drive = row.drive {
                if let first = read.missedBefore, row.readThrough + 1 < first.sequence {
                    // What was read before is delivered first; then the gap is found again.
                    guard drive.delivery.queue.isEmpty else { continue }
                    drive.delivery.begin(with: OutgoingMessage(.expired(missedBefore: first), insteadOf: row.place, at: now()))
                }
                var isFull = false
                for (index, entry) in read.entries.enumerated() where entry.sequence > row.readThrough && selection.includes(entry.event) {
                    let next = message(index)
                    guard drive.delivery.queue.hasRoom(for: next.size, isTight: isHoldingTooMuch) else {
                        drive.delivery.read { $0.refuse(entry.sequence) }
                        isFull = true
                        break
                    }
                    drive.delivery.read { $0.append(next) }
                }
                if !isFull { row.noteRead(through: read.position) }
            } else if let first = read.missedBefore, row.readThrough + 1 < first.sequence {
                row.hasWork = true
            } else if let entry = read.entries.first(where: { $0.sequence > row.readThrough && selection.includes($0.event) }) {
                row.noteRead(through: entry.sequence - 1)
                row.hasWork = true
            } else {
                row.noteRead(through: read.position)
            }
            row.isAtHead = !row.hasWork && row.readThrough >= position
        }
        for row in rows { evaluate(row) }
    }

    /// Whether it must be found out where an endpoint goes on before anything is read for it.
    private func isAstray(_ row: TrackedEndpoint) -> Bool { row.isStray || row.readThrough > position }

    /// Finds the places of endpoints whose cursors were not compared with this log yet, or are beyond its end. Those that are not of this log get a gap, and
    /// then what this log has.
    private func placeStrays(_ rows: Set<TrackedEndpoint>, of group: TenantEndpoints) async throws(EventLogError) -> Bool {
        let (life, reached) = (lives, position)
        let strays = rows.map { (row: $0, place: $0.place) }
        let bounds = try await log.bounds()
        guard isSameLog(life), bounds.epoch == epoch else { return false }
        // A server that lags behind would make every place one of another log. The feed finds out whether the log is shorter.
        guard bounds.lastSequence >= reached, !mayLag(strays.map(\.place), bounds, group) else {
            throw .unavailable("The log seems shorter than it was. Perhaps its new leader has not caught up yet.")
        }
        var places = PlaceSearch(log: log, tenant: group.tenant, bounds: bounds, clockDifference: limits.clockDifference)
        for (row, place) in strays {
            let drive = row.drive
            let isKnown = try await places.holds(place)
            var gap: OutgoingMessage?
            if !isKnown, let drive {
                let next = try await places.next(of: drive.delivery.stored.endpoint, at: place)
                gap = OutgoingMessage(.unknownCursor(current: next), insteadOf: place, at: now())
            }
            guard isSameLog(life) else { return false }
            // One that was changed, claimed, let go or placed meanwhile is looked at again, if it still waits.
            guard isAstray(row), row.place.isIdentical(to: place), row.drive === drive, group.hungry.remove(row) != nil else { continue }
            if isKnown {
                row.verify()
            } else if let drive, let gap {
                // What was read of the former log is delivered first.
                guard drive.delivery.queue.isEmpty else { continue }
                drive.delivery.begin(with: gap)
            } else {
                row.hasWork = true
            }
            row.isAtHead = !row.hasWork && !row.isStray && row.readThrough >= position
            evaluate(row)
        }
        return true
    }

    /// After this many looks the end is taken as lost.
    private static let maximumShortLooks = 10

    /// Whether a place may be beyond the log's end only because the server that answered lags, as after a change of the leader.
    private func mayLag(_ places: [Cursor], _ bounds: LogBounds, _ group: TenantEndpoints) -> Bool {
        guard log.isReplicated, places.contains(where: { $0.epoch == epoch && $0.sequence > bounds.lastSequence }) else {
            group.shortLooks = 0
            return false
        }
        group.shortLooks += 1
        return group.shortLooks <= Self.maximumShortLooks
    }

    /// Whether the log was not replaced since a life that was noted.
    func isSameLog(_ life: UInt64) -> Bool { inbox.lives == life && lives == life }
}
