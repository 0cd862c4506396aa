import Basics
import CausewayProducer
import EventLog
import EventModel
import Synchronization
import TestKit

@testable import event_producer

/// A log that records events in memory, and fails with the errors it was given.
final class RecordingSink: EventSink {
    private struct State {
        var calls: [[Event]] = []
        var failures: [ProducerError] = []
        var places: [String: UInt64] = [:]
        var keys: [RequestKey?] = []

        mutating func publish(_ event: Event) -> PublishedEvent {
            let key = "\(event.tenant.text)\u{0}\(event.id)"
            let known = places[key]
            let place = known ?? UInt64(places.count + 1)
            places[key] = place
            let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), epoch: 7, sequence: place)
            return PublishedEvent(id: event.id.text, cursor: cursor, isDuplicate: known != nil)
        }
    }

    private let state: Mutex<State>
    private let conflicts: Set<String>

    /// - Parameters:
    ///   - failures: the errors of the first calls, one each.
    ///   - conflicts: ids that are bound to other content, in calls that treat each event independently.
    init(failures: [ProducerError] = [], conflicts: Set<String> = []) {
        state = Mutex(State(failures: failures))
        self.conflicts = conflicts
    }

    /// The published events by call, without failed calls.
    var calls: [[Event]] { state.withLock { $0.calls } }

    /// All published events, in order.
    var events: [Event] { calls.flatMap(\.self) }

    /// The request keys of the calls.
    var keys: [RequestKey?] { state.withLock { $0.keys } }

    func publishChecked(
        contentsOf events: [Event],
        under key: RequestKey?,
        intake: Timestamp?,
        timeout: Duration?
    ) async throws(ProducerError) -> [PublishedEvent] {
        try state.withLock { state throws(ProducerError) in
            guard state.failures.isEmpty else { throw state.failures.removeFirst() }
            state.calls.append(events)
            state.keys.append(key)
            return events.map { state.publish($0) }
        }
    }

    /// Prepares any event, also one that the log takes in another way.
    func prepareChecked(_ event: Event, intake: Timestamp) -> PreparedPublish? {
        PreparedPublish { timeout, completion in
            Task {
                do throws(ProducerError) {
                    let stored = try await self.publishChecked(contentsOf: [event], under: nil, intake: intake, timeout: timeout)
                    completion(.success(stored[0]))
                } catch {
                    completion(.failure(error))
                }
            }
        }
    }

    func publishChecked(each events: [Event], intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [Result<PublishedEvent, ProducerError>]
    {
        try state.withLock { state throws(ProducerError) in
            guard state.failures.isEmpty else { throw state.failures.removeFirst() }
            state.calls.append(events)
            return events.map { event in
                conflicts.contains(event.id.text)
                    ? .failure(ProducerError(.conflict, "is used", field: "id")) : .success(state.publish(event))
            }
        }
    }
}

extension RecordingSink: ExecutionSink {
    func check(
        _ drafts: [ExecutionDraft],
        of reference: ExecutionReference,
        replacing replaces: Bool,
        under key: RequestKey?,
        timeout: Duration?
    ) async throws(ProducerError) -> [PublishedExecutionEvent?] { drafts.map { _ in nil } }

    /// Fails: the tests of the intake's rules do not get here.
    func publish(_ draft: ExecutionDraft, to reference: ExecutionReference, replacing replaces: Bool, timeout: Duration?)
        async throws(ProducerError) -> PublishedExecutionEvent
    {
        throw ProducerError(.unavailable, "nothing is stored here")
    }
}

/// Collects printed lines.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    @Sendable func add(_ line: String) {
        lines.withLock { $0.append(line) }
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
