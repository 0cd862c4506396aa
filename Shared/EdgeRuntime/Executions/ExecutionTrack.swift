import Basics
import EventLog
import EventModel

/// Which events one execution of an agent or a workflow has, and where they lie in the log: as a value.
///
/// Numbers increase in the log's order; what does not is no part of the execution and is passed over, so that no viewer ever sees a number twice.
struct ExecutionTrack: Sendable, Equatable {
    /// Where a viewer begins.
    enum Place: Sendable, Equatable {
        /// Behind this sequence of the log.
        case after(UInt64)
        /// Likewise, and some events that it has not seen have, or may have, left the log.
        case expired(after: UInt64)
        /// Nowhere: it has seen the final event.
        case seenAll
        /// The execution has not come that far, and never did.
        case beyondEnd
    }

    /// The current execution; nil when there was none so far.
    private(set) var run: ExecutionRun?
    /// Whether its last event was a final one.
    private(set) var isEnded = false
    /// The number with which it began, kept or not.
    private(set) var declaredFirst = ExecutionNumber.first
    private var numbers: [ExecutionNumber] = []
    private var sequences: [UInt64] = []

    /// The place before its first event; 0 when there is none.
    var beforeFirst: UInt64 { sequences.first.map { max($0, 1) - 1 } ?? 0 }
    /// Its first number that is kept; nil when there is none.
    var firstNumber: ExecutionNumber? { numbers.first }
    /// Its last number; nil when there is none.
    var lastNumber: ExecutionNumber? { numbers.last }
    /// The place of its last event.
    var lastSequence: UInt64 { sequences.last ?? 0 }

    /// From where to where it reaches; nil when nothing of it is kept.
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

    /// An entry of the subject, in the log's order. Returns whether viewers see it.
    mutating func take(_ place: ExecutionPlace, sequence: UInt64) -> Bool {
        // A run restarts where the log had dropped all of it: a process that knew the earlier events decides as one that did not.
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

    /// Forgets what the log does not keep any more.
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

    /// Where a viewer begins that has seen everything up to `number`; nil for one that has seen nothing. Nil when there is no execution.
    func place(after number: ExecutionNumber?) -> Place? {
        guard let firstNumber, let lastNumber else { return nil }
        guard let number, number >= declaredFirst else {
            return declaredFirst < firstNumber ? .expired(after: beforeFirst) : .after(beforeFirst)
        }
        if number > lastNumber { return .beyondEnd }
        if number == lastNumber, isEnded { return .seenAll }
        guard number >= firstNumber else { return number.next == firstNumber ? .after(beforeFirst) : .expired(after: beforeFirst) }
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] > number { high = middle } else { low = middle + 1 }
        }
        let before = low == 0 ? beforeFirst : sequences[low - 1]
        // A hole: what stood there may have left the log before the client saw it.
        return low < numbers.count && numbers[low] != number.next ? .expired(after: before) : .after(before)
    }
}

/// From where to where an execution reaches, as far as it is kept.
struct ExecutionSpan: Sendable, Equatable {
    var run: ExecutionRun
    /// The number with which it began, kept or not.
    var declaredFirst: ExecutionNumber
    var numbers: ClosedRange<ExecutionNumber>
    var firstSequence: UInt64
    var lastSequence: UInt64
    var isEnded: Bool
}

/// Finds the execution that a bare number belongs to (contract §9): numbers go on over all executions of a name, so it belongs to one.
enum ExecutionSearch {
    enum Result: Sendable, Equatable {
        /// In this execution.
        case within(ExecutionSpan)
        /// It is the last event of an execution that is not kept any more: nothing of that one is still to come.
        case seenAll
        /// In this execution, before the first event of it that is kept.
        case before(ExecutionSpan)
        /// In an execution that is not kept any more.
        case gone
    }

    /// - Parameters:
    ///   - number: the last event that a viewer has seen.
    ///   - spans: all executions of which something is kept, in the log's order.
    static func find(_ number: ExecutionNumber, in spans: [ExecutionSpan]) -> Result {
        // In logs of version 1 a number may stand in several: the latest is meant.
        if let span = spans.last(where: { $0.numbers.contains(number) }) { return .within(span) }
        guard let next = spans.filter({ $0.numbers.lowerBound > number }).min(by: { $0.numbers.lowerBound < $1.numbers.lowerBound }) else {
            return .gone
        }
        if next.declaredFirst <= number { return .before(next) }
        return number.next == next.declaredFirst ? .seenAll : .gone
    }
}
