import Basics
import DequeModule
import EventLog
import EventModel
import Logging
import Webhooks

/// Attempts, and what follows from them.
extension Dispatcher {
    /// Starts the next attempt of an endpoint whose turn it is.
    func startNext(_ row: TrackedEndpoint, at time: Timestamp) {
        guard let drive = row.drive, row.isChosen else {
            leaveTurns(row)
            return
        }
        switch drive.delivery.next(at: time, window: drive.isProven ? row.group.window : 1, isAtHead: row.isAtHead) {
        case .message(let message):
            if skip(message, row, drive) { break }
            start(row, drive, message)
        case .ping:
            let head = feed.tail.cursor(at: position, epoch: epoch)
            start(row, drive, OutgoingMessage(pinging: row.id, head: head, at: time), isPing: true)
        case .later, .starved, .nothing: break
        }
        advance(row, drive)
    }

    private func start(_ row: TrackedEndpoint, _ drive: EndpointDrive, _ message: OutgoingMessage, isPing: Bool = false) {
        if drive.delivery.underWayCount == 0 { drive.answeredAt = clock() }
        let attempt = drive.delivery.start(message, isPing: isPing)
        underWay += 1
        count(row, 1)
        drive.activeAt = clock()
        let endpoint = drive.delivery.stored.endpoint
        let startedAt = now()
        attemptNumber += 1
        let number = attemptNumber
        attempts[number] = Task {
            let began = ContinuousClock.now
            let span = AttemptSpan(of: message, to: endpoint)
            let outcome = await send(span.message, endpoint.settings.url, endpoint.tenant, endpoint.secrets)
            span.end(outcome)
            attempts[number] = nil
            ended(row, drive, attempt, outcome, to: endpoint.settings.url, startedAt: startedAt, duration: began.duration(to: .now))
        }
    }

    /// Passes over a message that the log no longer keeps: one that was deleted, or everything before the log's start, which the endpoint then hears of as
    /// a gap.
    private func skip(_ message: OutgoingMessage, _ row: TrackedEndpoint, _ drive: EndpointDrive) -> Bool {
        guard let retention = inbox.retention, !message.type.isReserved, message.cursor.epoch == retention.epoch else { return false }
        if retention.deleted.contains(message.sequence) {
            drive.delivery.read { $0.take(message) }
            noteProgress(row, drive)
            return true
        }
        guard message.sequence < retention.firstSequence else { return false }
        drive.delivery.rewind()
        row.isAtHead = false
        return true
    }

    private func ended(
        _ row: TrackedEndpoint,
        _ drive: EndpointDrive,
        _ attempt: EndpointDelivery.Attempt,
        _ outcome: AttemptOutcome,
        to url: WebhookURL,
        startedAt: Timestamp,
        duration: Duration
    ) {
        underWay -= 1
        count(row, -1)
        drive.answeredAt = clock()
        if isStopping { settled.raise() }
        let time = now()
        let step = drive.delivery.ended(attempt, outcome, at: time, random: Double.random(in: 0..<1, using: &generator))
        note(outcome, attempt, row, next: nextAttempt(after: step, drive.delivery.health), startedAt: startedAt, duration: duration)
        if outcome != .postponed {
            noteSpeed(row, drive, outcome, duration)
            unpark(row.group, url.origin)
        }
        guard row.drive === drive else { return pump() }
        drive.activeAt = clock()
        switch step {
        case .proceed:
            if attempt.message.gap != nil { row.verify() }
            noteProgress(row, drive)
        case .hold: if outcome == .postponed, !isStopping { park(row, drive, url.origin) }
        case .retry:
            row.isAtHead = false
            noteProgress(row, drive)
        case .disable(let reason):
            row.isAtHead = false
            disablings += 1
            logger.notice(
                "endpoint disabled",
                metadata: [LogKey.tenant: "\(row.group.tenant)", LogKey.webhookID: "\(row.id)", LogKey.reason: "\(reason.rawValue)"]
            )
            noteProgress(row, drive)
        }
        if drive.delivery.health.state != drive.delivery.stored.endpoint.state, !row.isStoring, !drive.isLost, !isStopping {
            // People wait for a change of state.
            write(row, drive)
        }
        evaluate(row)
        pump()
    }

    /// Counts an attempt, and passes it to the journal.
    private func note(
        _ outcome: AttemptOutcome,
        _ attempt: EndpointDelivery.Attempt,
        _ row: TrackedEndpoint,
        next: Timestamp?,
        startedAt: Timestamp,
        duration: Duration
    ) {
        let result: Attempt.Result
        switch outcome {
        case .postponed: return
        case .answered(let answer):
            let label =
                switch answer.status {
                case 200..<300: "delivered"
                case 300..<400: "status_3xx"
                case 400..<500: "status_4xx"
                case 500..<600: "status_5xx"
                default: "status_other"
                }
            outcomes[label, default: 0] += 1
            result = .answered(status: answer.status, excerpt: answer.excerpt)
        case .failed(let failure):
            outcomes[failure.label, default: 0] += 1
            result = .failed(failure)
        }
        record(
            Attempt(
                messageID: attempt.message.signed.id,
                type: attempt.message.type,
                startedAt: startedAt,
                duration: duration,
                result: result,
                nextAttemptAt: next
            ),
            row.id,
            row.group.tenant
        )
    }

    private func nextAttempt(after step: EndpointHealth.Step, _ health: EndpointHealth) -> Timestamp? {
        switch (step, health.state) {
        case (.retry(let time), _): time
        case (.hold, .failing(let trouble)), (.hold, .pending(let trouble)): trouble.retryAt
        default: nil
        }
    }

    // MARK: Places

    private func count(_ row: TrackedEndpoint, _ change: Int) {
        row.underWayCount = UInt16(Int(row.underWayCount) + change)
        guard row.isSlow else { return }
        slowUnderWay += change
        row.group.slowUnderWay += change
    }

    /// Records whether an endpoint's receiver is slow.
    private func noteSpeed(_ row: TrackedEndpoint, _ drive: EndpointDrive, _ outcome: AttemptOutcome, _ duration: Duration) {
        if duration > limits.slow {
            setSlow(row, true)
        } else if case .answered(let answer) = outcome, answer.isSuccess {
            setSlow(row, false)
            drive.isProven = true
        }
        if row.isSlow, let next = row.group.nextSlow() { evaluate(next) }
    }

    /// Marks an endpoint as slow or not, with what it has under way.
    func setSlow(_ row: TrackedEndpoint, _ isSlow: Bool) {
        guard row.isSlow != isSlow else { return }
        let count = Int(row.underWayCount)
        row.isSlow = isSlow
        slowUnderWay += isSlow ? count : -count
        row.group.slowUnderWay += isSlow ? count : -count
        // Its place is in the other turns.
        if row.drive != nil { evaluate(row) }
    }

    /// Lets an endpoint wait until its tenant or its origin gives a place back.
    private func park(_ row: TrackedEndpoint, _ drive: EndpointDrive, _ origin: String) {
        guard !drive.isParked else { return }
        drive.isParked = true
        row.group.parked.append(row)
        parkedByOrigin[origin, default: EndpointQueue()].append(row)
    }

    /// Gives a place back: the first endpoint that waits in the tenant, and the first at the origin, try again.
    private func unpark(_ group: TenantEndpoints, _ origin: String) {
        while let row = group.parked.popFirst() { if unpark(row) { break } }
        while let row = parkedByOrigin[origin]?.popFirst() { if unpark(row) { break } }
        if parkedByOrigin[origin]?.isEmpty == true { parkedByOrigin[origin] = nil }
    }

    /// Returns false for an endpoint that does not wait any more.
    private func unpark(_ row: TrackedEndpoint) -> Bool {
        guard let drive = row.drive, drive.isParked else { return false }
        drive.isParked = false
        evaluate(row)
        return true
    }

    /// Lets the first endpoint of each queue try again: its place may have been given back by a test that an administrator asked for.
    func unparkSome() {
        for group in table.groups.values {
            if let row = group.nextSlow() { evaluate(row) }
        }
        for origin in Array(parkedByOrigin.keys) {
            guard let group = parkedByOrigin[origin]?.first?.group else { continue }
            unpark(group, origin)
        }
    }
}
