public import Basics
import EventModel

/// The progress of an agent's or workflow's current execution.
public struct ExecutionTail: Sendable, Hashable {
    /// The current execution, which may have ended.
    public var run: ExecutionRun
    /// The number of its last event.
    public var number: ExecutionNumber
    /// The number of its first event; nil when the last event's producer did not name it.
    public var first: ExecutionNumber?
    /// The log sequence of its first event, if the last event's producer knew it.
    public var start: UInt64?
    /// Whether the last event was final.
    public var isEnded: Bool
    /// Intake time of the last event.
    public var time: Timestamp

    /// Reads an entry's execution fields; nil when it belongs to no execution.
    public init?(_ entry: LogEntry) {
        guard let place = entry.execution else { return nil }
        run = place.run
        number = place.number
        first = place.first
        // Ignore an impossible hint.
        start = place.isFirst ? entry.sequence : place.start.flatMap { $0 > 0 && $0 < entry.sequence ? $0 : nil }
        isEnded = place.isFinal
        time = entry.intake
    }

    /// Creates a progress value.
    init(run: ExecutionRun, number: ExecutionNumber, first: ExecutionNumber?, start: UInt64?, isEnded: Bool, time: Timestamp) {
        self.run = run
        self.number = number
        self.first = first
        self.start = start
        self.isEnded = isEnded
        self.time = time
    }
}

/// The end of an execution subject at one moment.
struct ExecutionLast: Sendable, Hashable {
    /// Sequence of the subject's last message, for the compare-and-set of an append; 0 when the server has none.
    var sequence: UInt64
    /// The last event among the subject's messages; nil when there is none.
    var tail: ExecutionTail?
    /// Sequence of that event; 0 when there is none.
    var place: UInt64
    /// The last sequence behind ``place`` that was assigned and is absent; 0 for none. It may have been the subject's.
    var dropped: UInt64 = 0
}

/// Selects the execution that an event belongs to.
public enum ExecutionChoice: Sendable, Hashable {
    /// The current one; a new one if that has ended or none exists.
    case current
    /// This run: the current one if the ids match, else a new one, unless another is running.
    case named(ExecutionRun)
    /// This run; another running one is ended first, because its producer is known to be gone.
    case replacing(ExecutionRun)

    /// The run that it names; nil for ``current``.
    package var run: ExecutionRun? {
        switch self {
        case .current: nil
        case .named(let run), .replacing(let run): run
        }
    }
}

/// Why an event cannot join the execution that its producer names.
public enum ExecutionConflict: Error, Sendable, Hashable {
    /// It has ended: no event follows a final one.
    case ended(run: ExecutionRun)
    /// Another run is active; its last event was taken in at `since`.
    case otherIsRunning(run: ExecutionRun, since: Timestamp)
}

/// Assigns the next number on a subject, as a value (contract §9).
enum ExecutionStep: Sendable, Hashable {
    /// The next free place.
    struct Next: Sendable, Hashable {
        var run: ExecutionRun
        var number: ExecutionNumber
        /// The number of the execution's first event; nil when unknown.
        var first: ExecutionNumber?
        var start: UInt64?

        /// Returns the place of an execution's first event.
        static func beginning(_ run: ExecutionRun, at number: ExecutionNumber) -> Next {
            Next(run: run, number: number, first: number, start: nil)
        }

        func place(in reference: ExecutionReference, isFinal: Bool) -> ExecutionPlace {
            ExecutionPlace(reference: reference, run: run, number: number, first: first, start: start, isFinal: isFinal)
        }
    }

    /// Returns the lowest number that no event up to a log sequence can have; 1 for sequence 0.
    ///
    /// A message at sequence `s` has at most the number `2s - 1`: true for a name's first event (1), for each increment by one, and for a
    /// number assigned here, since it is stored behind `sequence`. So `2 * sequence` is never assigned: a client that resumes from a lower
    /// number has a hole before it, and gets a gap notice (contract §9).
    static func lowest(behind sequence: UInt64) -> ExecutionNumber {
        let highest = ExecutionNumber.range.upperBound / 2 - 1
        guard let number = ExecutionNumber(2 * min(sequence, highest) + 1) else { preconditionFailure("within the range of numbers") }
        return number
    }

    /// Append the event at this place.
    case append(Next)
    /// First end the running execution at this place.
    case endFirst(Next)
    case conflict(ExecutionConflict)

    /// - Parameters:
    ///   - last: The end of the subject.
    ///   - choice: The execution that the event is for.
    ///   - newRun: Generates the id of a new, unnamed execution.
    init(after last: ExecutionLast, for choice: ExecutionChoice, newRun: @autoclosure () -> ExecutionRun) {
        let lowest = Self.lowest(behind: last.dropped)
        guard let tail = last.tail else {
            self = .append(.beginning(choice.run ?? newRun(), at: lowest))
            return
        }
        // The maximum number was forged: no execution counts that far. This execution can have no more events; the next one begins above any number
        // that the log can have assigned.
        guard let following = tail.number.next else {
            let number = max(lowest, Self.lowest(behind: last.place))
            self = choice.run == tail.run ? .conflict(.ended(run: tail.run)) : .append(.beginning(choice.run ?? newRun(), at: number))
            return
        }
        let number = max(following, lowest)
        let next = Next(run: tail.run, number: number, first: tail.first, start: tail.start)
        let isCurrent = choice.run == nil || choice.run == tail.run
        switch (tail.isEnded, isCurrent) {
        case (false, true):
            self = .append(next)
        case (true, true):
            self = if let run = choice.run { .conflict(.ended(run: run)) } else { .append(.beginning(newRun(), at: number)) }
        case (true, false):
            self = .append(.beginning(choice.run ?? newRun(), at: number))
        case (false, false):
            if case .replacing = choice {
                self = .endFirst(next)
            } else {
                self = .conflict(.otherIsRunning(run: tail.run, since: tail.time))
            }
        }
    }
}
