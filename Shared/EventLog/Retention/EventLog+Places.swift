public import Basics
public import EventModel
import NATSClient

extension EventLog: LogPlaces {
    /// Returns the content at a sequence: one request to the stream's leader.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func content(at sequence: UInt64) async throws(EventLogError) -> LogPlaceContent {
        guard let message = try await message(at: sequence) else { return .nothing }
        guard let entry = try? EventMessage.entry(message), entry.execution == nil else {
            return .other(storedAt: Timestamp(serverNanoseconds: message.timestamp))
        }
        return .event(tenant: entry.event.tenant, intake: entry.intake)
    }

    /// Returns the cursor of the tenant's first message behind a sequence; nil when there is none.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func firstCursor(of tenant: Tenant, after sequence: UInt64) async throws(EventLogError) -> Cursor? {
        guard sequence < UInt64(Int64.max) else { return nil }
        let filters = EventMessage.filters(of: tenant)
        var first: StoredMessage?
        for filter in [filters.alone, filters.below] {
            do throws(JetStreamError) {
                let found = try await jetStream.nextMessage(stream: configuration.streamName, from: sequence + 1, matching: filter)
                if first.map({ found.sequence < $0.sequence }) ?? true { first = found }
            } catch {
                guard error.code == .messageNotFound else { throw EventLogError(error) }
            }
        }
        return first.map { Cursor(time: EventMessage.intakeTime(of: $0), epoch: epoch, sequence: $0.sequence) }
    }

    /// Returns the place behind which all messages lie that the log stored at `time` or later, among them all of every tenant: before the first
    /// kept message when all are later, at the end when none is.
    ///
    /// Halves the log, with one request a step, at most 64. The cursor's time is that of the message at the place, as ``cursor(at:)`` gives it.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func place(before time: Timestamp) async throws(EventLogError) -> Cursor {
        let bounds = try await bounds()
        var low = bounds.firstSequence
        var high = max(low, bounds.lastSequence + 1)
        while low < high {
            let middle = low + (high - low) / 2
            let found: StoredMessage
            do throws(JetStreamError) {
                found = try await jetStream.nextMessage(stream: configuration.streamName, from: middle, matching: ">")
            } catch {
                guard error.code == .messageNotFound else { throw EventLogError(error) }
                high = middle
                continue
            }
            if Timestamp(serverNanoseconds: found.timestamp) < time { low = max(found.sequence + 1, middle + 1) } else { high = middle }
        }
        return try await cursor(at: low == 0 ? 0 : low - 1, epoch: bounds.epoch)
    }

    /// Returns the cursor of the last place in the log, as of this call or later.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func lastCursor() async throws(EventLogError) -> Cursor {
        let bounds = try await bounds()
        return try await cursor(at: bounds.lastSequence, epoch: bounds.epoch)
    }

    /// Returns the cursor of a place, with the time of the message there; without a time when it is absent (``Cursor/hasTime``).
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func cursor(at sequence: UInt64, epoch: UInt16) async throws(EventLogError) -> Cursor {
        let time = sequence > 0 ? try await time(at: sequence) : nil
        return Cursor(time: time ?? Timestamp(millisecondsSinceEpoch: 0), epoch: epoch, sequence: sequence)
    }

    /// Returns whether the log still holds one of these messages, newest first: a stream restored from an older copy and written since has other
    /// messages at these sequences.
    ///
    /// - Parameter stamps: the last messages read, in ascending order.
    /// - Returns: nil when undecidable, because all the sequences are absent.
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func recognises(_ stamps: [LogStamp]) async throws(EventLogError) -> Bool? {
        for stamp in stamps.reversed() {
            if let message = try await message(at: stamp.sequence) { return message.timestamp == stamp.storedAt }
        }
        return nil
    }
}
