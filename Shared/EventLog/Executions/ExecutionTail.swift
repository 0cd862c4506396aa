public import Basics
import EventModel

/// The last that the log knows of something that runs: how far its current execution has come.
public struct ExecutionTail: Sendable, Hashable {
    /// The current execution, which may have ended.
    public var run: ExecutionRun
    /// The number of its last event.
    public var number: ExecutionNumber
    /// The number of its first event; nil when whoever wrote the last one did not say.
    public var first: ExecutionNumber?
    /// The place of its first event in the log, as far as whoever wrote the last one knew it.
    public var start: UInt64?
    /// Whether the last event was a final one.
    public var isEnded: Bool
    /// When the last event was taken in.
    public var time: Timestamp

    /// What an entry says of its execution; nil when it belongs to none.
    public init?(_ entry: LogEntry) {
        guard let place = entry.execution else { return nil }
        run = place.run
        number = place.number
        first = place.first
        // What cannot be so is no hint.
        start = place.isFirst ? entry.sequence : place.start.flatMap { $0 > 0 && $0 < entry.sequence ? $0 : nil }
        isEnded = place.isFinal
        time = entry.intake
    }

    /// Describes how far an execution has come.
    init(run: ExecutionRun, number: ExecutionNumber, first: ExecutionNumber?, start: UInt64?, isEnded: Bool, time: Timestamp) {
        self.run = run
        self.number = number
        self.first = first
        self.start = start
        self.isEnded = isEnded
        self.time = time
    }
}

/// What the log has of something that runs, at one moment.
struct ExecutionLast: Sendable, Hashable {
    /// The place of the subject's last message, which an append names to be refused if it is not the last any more; 0 when the server knows none.
    var sequence: UInt64
    /// The last event among the subject's messages; nil when there is none.
    var tail: ExecutionTail?
    /// The place of that event; 0 when there is none.
    var place: UInt64
    /// The last place behind ``place`` that the log gave out and does not hold any more; 0 for none. What stood there may have been the subject's.
    var dropped: UInt64 = 0
}

/// Which execution an event is for.
public enum ExecutionChoice: Sendable, Hashable {
    /// The current one; a new one when that has ended, or there is none.
    case current
    /// This one: the current one if it has that id, else a new one, unless another is still running.
    case named(ExecutionRun)
    /// This one, and if another is still running, that one is ended first: its producer is known to be gone.
    case replacing(ExecutionRun)

    /// The id that it names.
    package var run: ExecutionRun? {
        switch self {
        case .current: nil
        case .named(let run), .replacing(let run): run
        }
    }
}

/// Why an event cannot belong to the execution that its producer names.
public enum ExecutionConflict: Error, Sendable, Hashable {
    /// It has ended: nothing comes behind a final event.
    case ended(run: ExecutionRun)
    /// Another one is running. It began the last event at `since`.
    case otherIsRunning(run: ExecutionRun, since: Timestamp)
}

/// What comes next on a subject, as a value: the rules by which numbers are assigned (contract §9).
enum ExecutionStep: Sendable, Hashable {
    /// A place that is free.
    struct Next: Sendable, Hashable {
        var run: ExecutionRun
        var number: ExecutionNumber
        /// The number with which the execution begins; nil when whoever began it did not say.
        var first: ExecutionNumber?
        var start: UInt64?

        /// The first event of an execution.
        static func beginning(_ run: ExecutionRun, at number: ExecutionNumber) -> Next {
            Next(run: run, number: number, first: number, start: nil)
        }

        func place(in reference: ExecutionReference, isFinal: Bool) -> ExecutionPlace {
            ExecutionPlace(reference: reference, run: run, number: number, first: first, start: start, isFinal: isFinal)
        }
    }

    /// The lowest number that no event up to a sequence of the log can have; 1 for sequence 0.
    ///
    /// A message at sequence `s` has at most the number `2s - 1`. This holds for a name's first event, which is 1, for each that goes on by one,
    /// and for one that takes the number made here, since it is stored behind `sequence`. So `2 * sequence` is never given: whoever comes back with a
    /// lower number stands before a hole, and is told so (contract §9).
    static func lowest(behind sequence: UInt64) -> ExecutionNumber {
        let highest = ExecutionNumber.range.upperBound / 2 - 1
        guard let number = ExecutionNumber(2 * min(sequence, highest) + 1) else { preconditionFailure("within the range of numbers") }
        return number
    }

    /// The event takes this place.
    case append(Next)
    /// First the running execution is ended at this place.
    case endFirst(Next)
    case conflict(ExecutionConflict)

    /// - Parameters:
    ///   - last: what the log has of the subject.
    ///   - choice: which execution the event is for.
    ///   - newRun: the id of an execution that has to be begun and was not named.
    init(after last: ExecutionLast, for choice: ExecutionChoice, newRun: @autoclosure () -> ExecutionRun) {
        let lowest = Self.lowest(behind: last.dropped)
        guard let tail = last.tail else {
            self = .append(.beginning(choice.run ?? newRun(), at: lowest))
            return
        }
        // Nobody counts that far. Where somebody wrote the last number there is, the execution can have no more events, and the next one begins
        // above what the log itself can have counted.
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
