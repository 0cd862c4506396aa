import Basics
import CausewayProducer
import EventModel
import Synchronization
import TestKit

@testable import event_producer

/// A log that stores nothing but remembers everything, and fails when told to.
final class RecordingSink: EventSink {
    private struct State {
        var calls: [[Event]] = []
        var failures: [ProducerError] = []
        var places: [String: UInt64] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter failures: what the first calls throw, one each.
    init(failures: [ProducerError] = []) {
        state = Mutex(State(failures: failures))
    }

    /// What was published, call by call; calls that failed are left out.
    var calls: [[Event]] { state.withLock { $0.calls } }

    /// Everything that was published, in order.
    var events: [Event] { calls.flatMap(\.self) }

    func publish(contentsOf events: [Event], timeout: Duration?) async throws(ProducerError) -> [PublishedEvent] {
        try state.withLock { state throws(ProducerError) in
            guard state.failures.isEmpty else { throw state.failures.removeFirst() }
            state.calls.append(events)
            return events.map { event in
                let key = "\(event.tenant.text)\u{0}\(event.id)"
                let known = state.places[key]
                let place = known ?? UInt64(state.places.count + 1)
                state.places[key] = place
                let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), epoch: 7, sequence: place)
                return PublishedEvent(id: event.id.text, cursor: cursor, isDuplicate: known != nil)
            }
        }
    }
}

/// Collects the lines that something prints.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    @Sendable func add(_ line: String) {
        lines.withLock { $0.append(line) }
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
