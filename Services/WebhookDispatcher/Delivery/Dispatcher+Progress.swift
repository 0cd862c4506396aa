import Basics
import EventLog
import EventModel
import Logging
import Webhooks

/// Storing cursors and states behind the deliveries, and what is done once a second.
extension Dispatcher {
    /// Records that an endpoint has progress to store.
    func noteProgress(_ row: TrackedEndpoint, _ drive: EndpointDrive) {
        guard drive.delivery.isDirty else { return }
        if drive.dirtySince == nil { drive.dirtySince = clock() }
        dirty.append(row)
    }

    /// Stores progress that is old enough.
    ///
    /// - Parameter all: whether all of it is stored.
    func storeProgress(all: Bool = false) {
        let time = clock()
        let rows = dirty.take(atMost: limits.writes - writesUnderWay) { row in
            guard let drive = row.drive else { return true }
            guard !row.isStoring, !drive.isLost else { return false }
            return all || (drive.dirtySince.map { $0.advanced(by: limits.writeAfter) <= time } ?? true)
        }
        for row in rows { if let drive = row.drive { write(row, drive) } }
    }

    /// Stores an endpoint's cursor and state, unless somebody else has changed the record.
    func write(_ row: TrackedEndpoint, _ drive: EndpointDrive) {
        guard !row.isStoring, drive.delivery.isDirty || drive.unconfirmed != nil else { return }
        row.isStoring = true
        writesUnderWay += 1
        var record = drive.delivery.record
        // Whether it was stored is known when it is compared with itself.
        if let unconfirmed = drive.unconfirmed { record.endpoint = unconfirmed }
        let (written, began, limit) = (record, clock(), limits.store)
        Task {
            let result: Result<EndpointStore.Stored?, any Error>
            do {
                result = .success(try await endpoints.write(written, within: limit))
            } catch {
                result = .failure(error)
            }
            ended(row, drive, written, result, began: began)
        }
    }

    private func ended(
        _ row: TrackedEndpoint,
        _ drive: EndpointDrive,
        _ record: EndpointStore.Stored,
        _ result: Result<EndpointStore.Stored?, any Error>,
        began: MonotonicInstant
    ) {
        row.isStoring = false
        writesUnderWay -= 1
        if isStopping { settled.raise() }
        guard row.drive === drive, !row.isRemoved else {
            applyDeferred(row)
            evaluate(row)
            return
        }
        switch result {
        case .success(let stored?):
            drive.unconfirmed = nil
            drive.delivery.written(stored)
            row.update(stored, me: membership.me)
            row.storedAt = seconds
            // What came while the write was under way.
            drive.dirtySince = drive.delivery.isDirty ? began : nil
        case .success(nil):
            // Somebody else stored. Until the record is known nothing is sent.
            drive.unconfirmed = record.endpoint
            readAgain(row, drive)
        case .failure(let error):
            drive.unconfirmed = record.endpoint
            complain("a cursor could not be stored, trying again", row, error)
        }
        if drive.delivery.isDirty { dirty.append(row) }
        applyDeferred(row)
        evaluate(row)
        pump()
    }

    /// Reads the record of a driven endpoint from the stream's leader, after a write lost its comparison, or a doubtful change. Meanwhile nothing is sent.
    func readAgain(_ row: TrackedEndpoint, _ drive: EndpointDrive, after change: EndpointStore.Change? = nil) {
        drive.isLost = true
        let known = row.revision
        Task {
            let found = await leadersRecord(of: row, drive)
            if row.drive === drive {
                drive.isLost = false
                if let found {
                    // What the table has heard meanwhile may be newer.
                    let isSame = found.revision == known && found.endpoint == drive.delivery.stored.endpoint
                    if row.revision == known, !isSame { adopt(row, found) }
                } else {
                    drop(row)
                    if !isStopping {
                        table.remove(row)
                        forget(row)
                    }
                }
            }
            // Another endpoint may have its slot.
            if row.isRemoved, let change { apply([change], isCaughtUp: false, isRead: true) }
            evaluate(row)
            pump()
        }
    }

    /// Returns the record of an endpoint from the stream's leader; nil when it has none, or when the endpoint is no longer driven.
    private func leadersRecord(of row: TrackedEndpoint, _ drive: EndpointDrive) async -> EndpointStore.Stored? {
        var pause = Backoff()
        while row.drive === drive, !isStopping {
            do throws(EventLogError) {
                return try await endpoints.endpoint(row.id, of: row.group.tenant)
            } catch {
                complain("a changed endpoint could not be read, trying again", row, error)
                try? await Task.sleep(for: pause.pause())
            }
        }
        return nil
    }

    private var seconds: UInt32 { UInt32(truncatingIfNeeded: clock().nanoseconds / 1_000_000_000) }

    // MARK: Once a second

    /// Stores cursors that only passed over events, unloads idle endpoints, and renews windows and bounds.
    func keepHouse() {
        var held = 0
        var busy: [TenantEndpoints: Int] = [:]
        let time = clock()
        for row in driven {
            guard let drive = row.drive else { continue }
            held += drive.delivery.queue.bytes
            if drive.delivery.underWayCount > 0 || drive.delivery.queue.waitingCount > 0 { busy[row.group, default: 0] += 1 }
            // A receiver that is silent for that long is slow, whatever it will answer.
            if drive.delivery.underWayCount > 0, drive.answeredAt.advanced(by: limits.slow) <= time { setSlow(row, true) }
            // Those that a closed gate holds up.
            advance(row, drive)
            guard drive.delivery.underWayCount == 0, drive.delivery.queue.isEmpty, !row.isStoring, !drive.delivery.isDirty,
                drive.activeAt.advanced(by: limits.idle) <= time
            else { continue }
            drop(row)
            evaluate(row)
        }
        isHoldingTooMuch = held > limits.heldBytes
        for group in table.groups.values {
            group.window = EndpointDelivery.window(places: limits.attemptsPerTenant, busy: busy[group] ?? 0)
        }
        storePassedCursors()
    }

    /// Stores the cursors of endpoints that have taken everything, and whose stored cursor is far behind: a process that takes over would read what was
    /// read, and the log's start would pass a cursor that nothing is missing behind.
    private func storePassedCursors() {
        // The tail has the times of the cursors, and may be of a later life of the log.
        guard isSameLog(lives) else { return }
        let span = position - min(position, inbox.retention?.firstSequence ?? 0)
        var places = limits.writes / 2 - writesUnderWay
        for row in table.all where places > 0 {
            guard row.isChosen, row.isAtHead, !row.isStoring, case .enabled = row.currentState, position > row.cursor.sequence else {
                continue
            }
            let isFar = position - row.cursor.sequence > max(span / 4, 1024)
            let age = Int64(seconds &- row.storedAt)
            guard row.group.lastEvent > row.cursor.sequence ? age >= limits.passing.components.seconds : isFar && age >= 10 else {
                continue
            }
            if let drive = row.drive {
                guard drive.delivery.queue.isEmpty else { continue }
                passToHead(row, drive)
                write(row, drive)
            } else {
                pass(row)
            }
            places -= 1
        }
    }

    /// Stores the passed cursor of an endpoint that is not driven.
    private func pass(_ row: TrackedEndpoint) {
        row.storedAt = seconds
        let (id, tenant, me, limit) = (row.id, row.group.tenant, membership.me.text, limits.store)
        let (known, cursor) = (row.cursor, feed.tail.cursor(at: position, epoch: epoch))
        row.isStoring = true
        writesUnderWay += 1
        Task {
            // It has the record again from the stream.
            _ = try? await endpoints.update(id, of: tenant, within: limit) { endpoint in
                guard endpoint.cursor == known, endpoint.state == .enabled else { return }
                endpoint.cursor = cursor
                endpoint.owner = me
            }
            row.isStoring = false
            writesUnderWay -= 1
            if isStopping { settled.raise() }
            applyDeferred(row)
            evaluate(row)
            pump()
        }
    }
}
