import Basics
import EventLog
import EventModel

/// Which events the current execution of an agent or a workflow has, and where they lie in the log: as a value.
///
/// Numbers increase in the log's order; what does not is no part of the execution and is passed over, so that no viewer ever sees a number twice.
struct ExecutionTrack: Sendable, Equatable {
    /// Where a viewer begins.
    enum Place: Sendable, Equatable {
        /// Behind this sequence of the log.
        case after(UInt64)
        /// Nowhere: it has seen the final event.
        case seenAll
        /// The execution has not come that far, and never did.
        case beyondEnd
    }

    /// The current execution; nil when there was none so far.
    private(set) var run: ExecutionRun?
    /// Whether its last event was a final one.
    private(set) var isEnded = false
    private var numbers: [ExecutionNumber] = []
    private var sequences: [UInt64] = []

    /// The place of its first event; 1 when there is none.
    var firstSequence: UInt64 { sequences.first ?? 1 }
    /// Its last number; nil when there is none.
    var lastNumber: ExecutionNumber? { numbers.last }
    /// The place of its last event.
    var lastSequence: UInt64 { sequences.last ?? 0 }

    /// An entry of the subject, in the log's order. Returns whether viewers see it.
    mutating func take(_ place: ExecutionPlace, sequence: UInt64) -> Bool {
        if place.run != run {
            self = ExecutionTrack()
            run = place.run
        }
        guard !isEnded, lastNumber.map({ place.number > $0 }) ?? true, sequence > lastSequence else { return false }
        numbers.append(place.number)
        sequences.append(sequence)
        isEnded = place.isFinal
        return true
    }

    /// Where a viewer begins that has seen everything up to `number`; nil for one that has seen nothing. Nil when there is no execution.
    func place(after number: ExecutionNumber?) -> Place? {
        guard let first = sequences.first, let lastNumber else { return nil }
        guard let number else { return .after(first - 1) }
        if number > lastNumber { return .beyondEnd }
        if number == lastNumber, isEnded { return .seenAll }
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] > number { high = middle } else { low = middle + 1 }
        }
        return .after(low == 0 ? first - 1 : sequences[low - 1])
    }
}
