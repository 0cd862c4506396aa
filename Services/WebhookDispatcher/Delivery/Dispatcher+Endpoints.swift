import Basics
import EventLog
import EventModel
import Logging
import Webhooks

/// Which endpoints there are, who owns them, and what is to be done about each.
extension Dispatcher {
    // MARK: Following

    /// Follows the records until an error that no operator can mend while the process runs.
    func followEndpoints() async throws(EventLogError) {
        var pause = Backoff()
        while !Task.isCancelled {
            do throws(EventLogError) {
                table.beginReading()
                try await endpoints.follow { [self] changes, isCaughtUp in await apply(changes, isCaughtUp: isCaughtUp) }
            } catch {
                switch error.code {
                case .cancelled: return
                case .closed, .incompatibleStream: throw error
                default: break
                }
                logger.notice("cannot follow the endpoints, trying again", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: pause.pause())
        }
    }

    /// Follows who is alive.
    func followMembers() async {
        for await view in membership.changes() {
            self.view = view
            for row in table.all { choose(row) }
            pump()
        }
    }

    /// Applies changes of records.
    ///
    /// - Parameter isRead: as for ``EndpointTable/apply(_:isRead:)``.
    func apply(_ changes: [EndpointStore.Change], isCaughtUp: Bool, isRead: Bool? = nil) {
        for change in changes {
            let (gone, effect) = table.apply(change, isRead: isRead)
            if let gone { forget(gone) }
            switch effect {
            case .none: break
            case .added(let row, let stored):
                row.update(stored, me: membership.me)
                choose(row)
            case .changed(let row, let stored):
                adopt(row, stored)
                evaluate(row)
            case .doubtful(let row, let change):
                if let drive = row.drive { readAgain(row, drive, after: change) }
                evaluate(row)
            }
        }
        if isCaughtUp { for row in table.endReading() { forget(row) } }
        pump()
    }

    /// Takes over a record that says something new.
    func adopt(_ row: TrackedEndpoint, _ stored: EndpointStore.Stored) {
        // After a cut of the stream its records count, not what this process knows.
        if stored.revision <= row.revision { drop(row) }
        guard let drive = row.drive, stored.endpoint.owner == membership.me.text else {
            if row.drive != nil { lose(row) }
            if row.update(stored, me: membership.me) { place(row) }
            return
        }
        // What was passed over stays passed over, also for another filter.
        passToHead(row, drive)
        let isUnconfirmed = drive.unconfirmed.map { $0.cursor == stored.endpoint.cursor && $0.state == stored.endpoint.state } ?? false
        let known = isUnconfirmed ? drive.unconfirmed : nil
        drive.unconfirmed = nil
        let before = row.place
        let wasReset = drive.delivery.adopt(stored, insteadOf: known ?? drive.delivery.stored.endpoint)
        row.update(stored, me: membership.me)
        if row.place != before { row.rewind() }
        if wasReset {
            place(row)
            drive.dirtySince = nil
        }
        if drive.delivery.isDirty { noteProgress(row, drive) } else { drive.dirtySince = nil }
    }

    /// Stops everything about an endpoint that was deleted.
    func forget(_ row: TrackedEndpoint) {
        drop(row)
        claims.remove(row, of: row.group)
        due.remove(row)
        pauses.remove(row)
    }

    // MARK: Deciding

    /// Determines whether the members choose this process for an endpoint.
    private func choose(_ row: TrackedEndpoint) {
        let isChosen = view?.owner(of: row.id, in: row.group.tenant) == membership.me
        guard isChosen != row.isChosen else { return }
        row.isChosen = isChosen
        row.claimableAt = MonotonicInstant(nanoseconds: 0)
        // What came meanwhile was passed by, also at one whose drive goes on for an attempt under way.
        if isChosen { place(row) } else { evaluate(row) }
    }

    /// Finds out whether an endpoint is at the head of the log, and what is to be done about it.
    func place(_ row: TrackedEndpoint) {
        guard isStarted else { return }
        findPlace(row)
        evaluate(row)
    }

    /// Finds out whether an endpoint is at the head of the log, as far as memory knows. What it does not know is read (``read(for:)``).
    private func findPlace(_ row: TrackedEndpoint) {
        row.hasWork = false
        // The tail may be of a later life of the log than what was applied.
        if row.isStray, isSameLog(lives), row.place.epoch == epoch,
            let recognition = feed.tail.recognise(row.place, tenant: row.group.tenant), recognition != .different
        {
            row.verify()
        }
        row.isAtHead = !row.isStray && row.readThrough >= position
    }

    /// Does what is to be done about an endpoint next.
    func evaluate(_ row: TrackedEndpoint) {
        guard isStarted, !isStopping, !row.isRemoved else { return }
        announceIfNeeded(row)
        let step = OwnershipStep.decide(
            isChosen: row.isChosen,
            isOwner: row.isOwner,
            isDriving: row.drive != nil,
            hasWork: row.isChosen && row.drive == nil && needsDrive(row)
        )
        switch step {
        case .leave: claims.remove(row, of: row.group)
        case .claim:
            if row.claimableAt > clock() {
                pauses.set(row, at: row.claimableAt)
            } else if !row.isStoring {
                claims.add(row, of: row.group)
            }
        case .drive: if let drive = row.drive { advance(row, drive) }
        case .handOver:
            leaveTurns(row)
            guard let drive = row.drive, !row.isStoring else { return }
            if drive.delivery.isDirty { write(row, drive) } else if drive.delivery.underWayCount == 0 { drop(row) }
        case .drop: lose(row)
        }
    }

    /// Whether an endpoint that nobody here drives has something to send. Sets its timer, or reads the log for it.
    private func needsDrive(_ row: TrackedEndpoint) -> Bool {
        switch row.state {
        case .disabled: return false
        case .pending(let trouble), .failing(let trouble):
            let time = now()
            guard trouble.retryAt > time else { return true }
            due.set(row, at: trouble.retryAt)
            return false
        case .enabled:
            if row.hasWork { return true }
            if !row.isAtHead { read(for: row) }
            return false
        }
    }

    /// Puts a driven endpoint where its next message is sent from.
    func advance(_ row: TrackedEndpoint, _ drive: EndpointDrive) {
        guard isStarted, !isStopping, row.isChosen, !drive.isParked, !drive.isLost, !isGated(drive) else {
            leaveTurns(row)
            return
        }
        switch drive.delivery.next(at: now(), window: drive.isProven ? row.group.window : 1, isAtHead: row.isAtHead) {
        case .ping: takeTurn(row)
        case .message:
            takeTurn(row)
            // Read ahead, so that the next messages are there when these are sent. What had no room is not read again before one is sent: an
            // endpoint may wait long for its turn.
            let queue = drive.delivery.queue
            if !row.isAtHead, queue.waitingCount < DeliveryQueue.maximumCount / 4, !queue.isFull, !isHoldingTooMuch,
                case .enabled = drive.delivery.health.state
            {
                read(for: row)
            }
        case .later(let time):
            leaveTurns(row)
            due.set(row, at: time)
        case .starved:
            leaveTurns(row)
            read(for: row)
        case .nothing: leaveTurns(row)
        }
    }

    /// Lets an endpoint wait for its turn.
    private func takeTurn(_ row: TrackedEndpoint) {
        if row.isSlow {
            turns.remove(row, of: row.group)
            slowTurns.add(row, of: row.group)
        } else {
            slowTurns.remove(row, of: row.group)
            turns.add(row, of: row.group)
        }
    }

    /// Takes an endpoint out of the turns.
    func leaveTurns(_ row: TrackedEndpoint) {
        turns.remove(row, of: row.group)
        slowTurns.remove(row, of: row.group)
    }

    /// Whether an endpoint's progress must be stored before anything else is sent.
    private func isGated(_ drive: EndpointDrive) -> Bool {
        drive.dirtySince.map { $0.advanced(by: limits.oldestProgress) <= clock() } ?? false
    }

    /// Moves the cursor of an endpoint that has taken everything to the end of the log.
    func passToHead(_ row: TrackedEndpoint, _ drive: EndpointDrive) {
        guard row.isChosen, row.isAtHead, isSameLog(lives), drive.delivery.queue.isEmpty, position > drive.delivery.queue.position.sequence
        else { return }
        let cursor = feed.tail.cursor(at: position, epoch: epoch)
        drive.delivery.read { $0.pass(to: cursor) }
    }

    // MARK: Claims

    /// Stores this process as owner, and then drives the endpoint.
    func claim(_ row: TrackedEndpoint) {
        guard !row.isStoring, !row.isRemoved else { return }
        row.isStoring = true
        claimsUnderWay += 1
        let (id, tenant, me, limit) = (row.id, row.group.tenant, membership.me.text, limits.store)
        Task {
            let result: Result<EndpointStore.Stored?, any Error>
            do {
                result = .success(try await endpoints.update(id, of: tenant, within: limit) { $0.owner = me })
            } catch {
                result = .failure(error)
            }
            claimed(row, result)
        }
    }

    private func claimed(_ row: TrackedEndpoint, _ result: Result<EndpointStore.Stored?, any Error>) {
        row.isStoring = false
        claimsUnderWay -= 1
        settled.raise()
        defer { pump() }
        guard !row.isRemoved else { return }
        switch result {
        case .failure(let error):
            complain("an endpoint could not be claimed", row, error)
            pause(row)
        case .success(nil):
            // It was deleted; the record that says so follows.
            pause(row)
        case .success(let stored?):
            let isSetBack = row.update(stored, me: membership.me)
            row.begin(EndpointDrive(stored, at: clock()))
            driven.insert(row)
            row.hasWork = false
            if isSetBack {
                findPlace(row)
            } else if row.isAtHead {
                row.noteRead(through: position)
            }
        }
        applyDeferred(row)
        evaluate(row)
    }

    /// Applies the change that came while this process stored.
    func applyDeferred(_ row: TrackedEndpoint) {
        guard let deferred = row.deferred else { return }
        row.deferred = nil
        apply([deferred.change], isCaughtUp: false, isRead: deferred.isRead)
    }

    /// Lets an endpoint go that another process has claimed, and leaves it to that one for a while if the members choose this one.
    private func lose(_ row: TrackedEndpoint) {
        drop(row)
        row.claimableAt = clock().advanced(by: limits.reclaim)
    }

    /// Looks at an endpoint again after a failure.
    func pause(_ row: TrackedEndpoint) { pauses.set(row, at: clock().advanced(by: limits.pause)) }

    /// Lets a driven endpoint go. Its attempts under way decide nothing any more.
    func drop(_ row: TrackedEndpoint) {
        leaveTurns(row)
        row.group.hungry.remove(row)
        guard row.drive != nil else { return }
        row.endDrive()
        row.hasWork = false
        driven.remove(row)
    }

    // MARK: Announcing

    private func announceIfNeeded(_ row: TrackedEndpoint) {
        guard row.isChosen, !row.isAnnouncing, let (reason, time) = row.unannounced else { return }
        row.isAnnouncing = true
        let (id, tenant, cursor) = (row.id, row.group.tenant, row.cursor)
        Task {
            do {
                try await announcer.announce(id, of: tenant, reason, at: time, cursor: cursor)
            } catch {
                complain("a disabled endpoint could not be announced", row, error)
            }
            row.isAnnouncing = false
            // The record that follows says that it is announced; until then, or after an error, it is looked at again.
            if !row.isRemoved { pause(row) }
        }
    }

    /// Logs what is tried again.
    func complain(_ message: Logger.Message, _ row: TrackedEndpoint, _ error: any Error) {
        logger.notice(message, metadata: [LogKey.tenant: "\(row.group.tenant)", LogKey.webhookID: "\(row.id)", LogKey.error: "\(error)"])
    }
}
