import Basics
import CEpoll
import EventLog
import EventModel
import Logging

/// Where delivery to a connection begins.
struct StreamBeginning: Sendable {
    /// The place in the log.
    var position: ChainPosition
    /// A cursor to it.
    var cursor: Cursor
    /// What the client misses before it.
    var gap: StreamGap?
    /// What the client gets first.
    var opening: [UInt8]
}

/// Taking a connection in.
extension LoopHub {
    /// Takes over an accepted stream; the hub owns `descriptor` from here on.
    func adopt(_ descriptor: Int32, ticket: ConnectionTicket, encoder: any StreamEncoder) {
        let group = self.group(for: ticket.source, encoder: encoder)
        let handle = self.claimSlot()
        let socket = Socket(adopting: descriptor, sendBuffer: self.configuration.sendBuffer, giveUp: self.configuration.kernelPatience)
        let beginning = self.begin(ticket, encoder: encoder)
        let connection = EdgeConnection(
            hub: self,
            group: group,
            handle: handle,
            socket: socket,
            ticket: ticket,
            beginning: beginning
        )
        self.slots[Int(handle.slot)].connection = connection
        if connection.wasAdmitted {
            self.admittedCount += 1
            self.counters.connections.set(self.admittedCount)
        }
        do {
            let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            try self.loop.register(descriptor, token: handle.token, events: events)
        } catch {
            self.logger.error("cannot watch a connection", metadata: ["error": "\(error)"])
            return connection.assumeIsolated { $0.endRequested(.overloaded) }
        }
        group.members.append(connection)
        // Who is refused stays for a moment only.
        if connection.wasAdmitted {
            self.insertIntoWheel(handle, encoder.heartbeatInterval)
            self.expiries.insert(handle, at: ticket.expiresAt)
            if case .afterBatch(let limits) = ticket.end, limits.wait > .zero {
                self.deadlines.insert(handle, at: Self.firstTick(notBefore: self.loop.now().advanced(by: limits.wait)))
            }
        }
        let isDraining = self.drain != nil
        connection.assumeIsolated { connection in
            connection.attached()
            if let refusal = ticket.refusal { connection.endRequested(refusal) }
            if isDraining { connection.endRequested(.draining) }
            connection.tellStanding()
        }
        if !ticket.earlyBytes.isEmpty { self.inputArrived(at: connection) }
    }

    /// The first place of a connection, and the bytes it begins with. The place is fixed after the hub has registered
    /// with the chain, so that nothing can fall between.
    private func begin(_ ticket: ConnectionTicket, encoder: any StreamEncoder) -> StreamBeginning {
        let feed = self.fanout.feed
        var start = ticket.start
        // Decided in an earlier life of the log: the cursor means nothing any more.
        if ticket.generation < feed.replacedAt, start != .live { start = .unknownCursor }
        let cursor: Cursor
        let gap: StreamGap?
        switch start {
        case .live: (cursor, gap) = (feed.cursor, nil)
        case .after(let after): (cursor, gap) = (after, nil)
        case .unknownCursor: (cursor, gap) = (feed.cursor, .unknownCursor(current: feed.cursor))
        case .unknownCursorGoingOn(let after): (cursor, gap) = (after, .unknownCursor(current: after))
        case .expired(let first):
            let expired = StreamGap.expired(missedBefore: first)
            (cursor, gap) = (expired.resumptionCursor, expired)
        }
        let now = self.configuration.wallClock()
        // A viewer of an execution brings a number, not a cursor.
        if ticket.refusal == nil, ticket.lease == nil { self.counters.resumed(start) }
        let position = ChainPosition(generation: feed.position.generation, sequence: cursor.sequence)
        if ticket.refusal != nil { return StreamBeginning(position: position, cursor: cursor, gap: nil, opening: ticket.head) }
        var bytes = encoder.opening(
            Opening(
                cursor: cursor,
                retry: self.jitteredRetry(),
                head: ticket.head,
                tenant: ticket.tenant,
                user: ticket.audience.user,
                time: now
            )
        )
        if let gap {
            bytes += encoder.gap(gap, time: now)
            self.counters.gaps.add(1)
        }
        return StreamBeginning(position: position, cursor: cursor, gap: gap, opening: bytes)
    }

    func group(for source: LogSource, encoder: any StreamEncoder) -> LoopGroup {
        let key = Fanout.Key(source: source, encoder: encoder.name)
        if let group = self.groups[key] { return group }
        let group = LoopGroup(chain: self.fanout.chain(for: source, encoder: encoder, reader: self))
        self.groups[key] = group
        self.groupOfChain[ObjectIdentifier(group.chain)] = group
        return group
    }

    private func insertIntoWheel(_ handle: ConnectionHandle, _ interval: Duration?) {
        guard let interval else { return self.heartbeats.insert(handle) }
        self.otherHeartbeats[interval, default: Self.wheel(interval: interval, self.configuration)].insert(handle)
    }

    static func wheel(interval: Duration, _ configuration: EdgeConfiguration) -> HeartbeatWheel {
        HeartbeatWheel(interval: interval, tick: DeliveryLoop.tickInterval, phase: configuration.heartbeatPhase)
    }

    /// Ticks are counted from the clock's beginning.
    private static let tickNanoseconds = UInt64(DeliveryLoop.tickInterval.nanoseconds)

    private static func firstTick(notBefore moment: MonotonicInstant) -> Int64 {
        Int64(clamping: (moment.nanoseconds + self.tickNanoseconds - 1) / self.tickNanoseconds)
    }

    static func lastTick(notAfter moment: MonotonicInstant) -> Int64 { Int64(clamping: moment.nanoseconds / self.tickNanoseconds) }

    private func claimSlot() -> ConnectionHandle {
        if let slot = self.freeSlots.popLast() {
            return ConnectionHandle(slot: slot, generation: self.slots[Int(slot)].generation)
        }
        self.slots.append(Slot(generation: 0))
        return ConnectionHandle(slot: UInt32(self.slots.count - 1), generation: 0)
    }
}
