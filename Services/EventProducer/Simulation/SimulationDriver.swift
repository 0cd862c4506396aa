import Basics
import CausewayProducer
import EventModel

/// Publishes what a ``Simulation`` tells, at its pace, until it has told enough or its task is cancelled.
struct SimulationDriver: Sendable {
    /// When to stop; nil for never.
    struct Bounds: Sendable {
        /// After so many events.
        var count: Int?
        /// After so long.
        var duration: Duration?
    }

    let sink: any EventSink & ExecutionSink
    let rate: Double
    let bounds: Bounds
    /// How long one publish tries before a line says that it did not succeed yet.
    let timeout: Duration
    let print: @Sendable (String) -> Void
    let complain: @Sendable (String) -> Void

    /// Runs the simulation and returns how many events were stored.
    ///
    /// Through an outage it keeps trying with the event it has, which is never published twice.
    ///
    /// - Throws: a ``ProducerError`` that waiting does not mend, a `ValidationError` for an impossible cast.
    func run(_ simulation: Simulation) async throws -> Int {
        var simulation = simulation
        let start = ContinuousClock.now
        let end = bounds.duration.map { start.advanced(by: $0) }
        var pace = Pace(rate: rate, start: start)
        var stored = 0
        while stored < bounds.count ?? .max {
            let due = pace.next(now: .now)
            guard end.map({ due < $0 }) ?? true else { break }
            do {
                try await Task.sleep(until: due, clock: .continuous)
                let told = try simulation.next(at: .now)
                try await publish(told)
                print(told.line)
            } catch is CancellationError {
                break
            } catch let error as ProducerError where error.code == .cancelled {
                break
            }
            stored += 1
        }
        return stored
    }

    private func publish(_ told: SimulatedEvent) async throws {
        while true {
            do throws(ProducerError) {
                if let (draft, reference) = told.execution {
                    // What a demonstration before this one has left unfinished, it does not finish.
                    _ = try await sink.publish(draft, to: reference, replacing: true, timeout: timeout)
                } else {
                    _ = try await sink.publish(contentsOf: [told.event], under: nil, intake: nil, timeout: timeout)
                }
                return
            } catch {
                guard error.isRetriable else { throw error }
                complain(error.message)
            }
            // What fails at once, such as a log that has no room, is not tried in a hurry.
            try await Task.sleep(for: .seconds(1))
        }
    }
}
