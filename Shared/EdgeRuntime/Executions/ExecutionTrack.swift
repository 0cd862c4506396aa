import Basics
import EventLog
import EventModel

/// Tracks the numbers and positions of the events of one execution of an agent or a workflow; a value.
///
/// Numbers increase in the log's order. An event whose number does not is skipped, so that no viewer receives a number twice.
struct ExecutionTrack: Sendable, Equatable {
    /// The position at which a viewer begins.
    enum Place: Sendable, Equatable {
        /// After this sequence of the log.
        case after(UInt64)
        /// After this sequence; some events not seen yet have, or may have, left the log.
        case expired(after: UInt64)
        /// The viewer has seen the final event: nothing follows.
        case seenAll
        /// The number is higher than any of the execution.
        case beyondEnd
    }

    /// The current execution; nil before the first one.
    private(set) var run: ExecutionRun?
    /// Whether its last event was final.
    private(set) var isEnded = false
    /// Its first number as declared, kept or not.
    private(set) var declaredFirst = ExecutionNumber.first
    private var numbers: [ExecutionNumber] = []
    private var sequences: [UInt64] = []

    /// The sequence before its first event; 0 without events.
    var beforeFirst: UInt64 { sequences.first.map { max($0, 1) - 1 } ?? 0 }
    /// The first number kept; nil without events.
    var firstNumber: ExecutionNumber? { numbers.first }
    /// The last number; nil without events.
    var lastNumber: ExecutionNumber? { numbers.last }
    /// The sequence of its last event.
    var lastSequence: UInt64 { sequences.last ?? 0 }

    /// The range of the execution; nil when nothing of it is kept.
    var span: ExecutionSpan? {
        guard let run, let firstNumber, let lastNumber, let firstSequence = sequences.first else { return nil }
        return ExecutionSpan(
            run: run,
            declaredFirst: declaredFirst,
            numbers: firstNumber...lastNumber,
            firstSequence: firstSequence,
            lastSequence: lastSequence,
            isEnded: isEnded
        )
    }

    /// Adds an entry of the subject, in the log's order. Returns whether viewers receive it.
    mutating func take(_ place: ExecutionPlace, sequence: UInt64) -> Bool {
        // A run restarts where the log had dropped all of it: a process that saw the earlier events decides like one that did not.
        let isAnew = place.first == place.number && lastNumber.map { place.number > $0 } ?? true
        if place.run != run || isAnew {
            self = ExecutionTrack()
            run = place.run
            declaredFirst = place.first ?? .first
        }
        guard !isEnded, lastNumber.map({ place.number > $0 }) ?? true, sequence > lastSequence else { return false }
        numbers.append(place.number)
        sequences.append(sequence)
        isEnded = place.isFinal
        return true
    }

    /// Removes entries that the log no longer keeps.
    mutating func trim(to retention: LogRetention) {
        guard let first = sequences.first, first < retention.firstSequence || retention.deleted.mayContain(after: first - min(first, 1))
        else {
            return
        }
        let kept = sequences.indices.filter { !retention.hasDropped(sequences[$0]) }
        guard kept.count < sequences.count else { return }
        numbers = kept.map { numbers[$0] }
        sequences = kept.map { sequences[$0] }
    }

    /// Returns where a viewer begins that has seen everything up to `number`; nil for a new viewer. Nil without an execution.
    func place(after number: ExecutionNumber?) -> Place? {
        guard let firstNumber, let lastNumber else { return nil }
        guard let number, number >= declaredFirst else {
            return declaredFirst < firstNumber ? .expired(after: beforeFirst) : .after(beforeFirst)
        }
        if number > lastNumber { return .beyondEnd }
        if number == lastNumber, isEnded { return .seenAll }
        guard number >= firstNumber else { return number.next == firstNumber ? .after(beforeFirst) : .expired(after: beforeFirst) }
        let next = numbers.indices.partitionPoint { numbers[$0] > number }
        let before = next == 0 ? beforeFirst : sequences[next - 1]
        // A missing number: its event may have left the log before the client received it.
        return next < numbers.count && numbers[next] != number.next ? .expired(after: before) : .after(before)
    }
}

/// The range of an execution, as far as it is kept.
struct ExecutionSpan: Sendable, Equatable {
    var run: ExecutionRun
    /// The first number as declared, kept or not.
    var declaredFirst: ExecutionNumber
    var numbers: ClosedRange<ExecutionNumber>
    var firstSequence: UInt64
    var lastSequence: UInt64
    var isEnded: Bool
}

/// Finds the execution of a bare number (contract §9): numbers increase over all executions of a name, so each belongs to one.
enum ExecutionSearch {
    enum Result: Sendable, Equatable {
        /// The number is in this execution.
        case within(ExecutionSpan)
        /// The number is the last of an execution that is no longer kept: nothing of it follows.
        case seenAll
        /// The number is in this execution, before the first event kept.
        case before(ExecutionSpan)
        /// The number is in an execution that is no longer kept.
        case gone
    }

    /// - Parameters:
    ///   - number: the number of the last event seen.
    ///   - spans: all executions at least partly kept, in the log's order.
    static func find(_ number: ExecutionNumber, in spans: [ExecutionSpan]) -> Result {
        // In logs of version 1 a number may occur in several executions: the latest one counts.
        if let span = spans.last(where: { $0.numbers.contains(number) }) { return .within(span) }
        guard let next = spans.filter({ $0.numbers.lowerBound > number }).min(by: { $0.numbers.lowerBound < $1.numbers.lowerBound }) else {
            return .gone
        }
        if next.declaredFirst <= number { return .before(next) }
        return number.next == next.declaredFirst ? .seenAll : .gone
    }
}
