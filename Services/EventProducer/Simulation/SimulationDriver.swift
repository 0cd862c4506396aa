import Basics
import CausewayProducer
import EventModel

/// Publishes the events of a ``Simulation`` at its rate, until a limit is reached or the task is cancelled, and looks up the decisions that its stories
/// wait for.
struct SimulationDriver: Sendable {
    /// When to stop; nil for never.
    struct Bounds: Sendable {
        /// After this number of events.
        var count: Int?
        /// After this time.
        var duration: Duration?
    }

    let sink: any EventSink & ExecutionSink & DecisionSource
    let rate: Double
    let bounds: Bounds
    /// Time after which an unsuccessful publish is reported and retried.
    let timeout: Duration
    let print: @Sendable (String) -> Void
    let complain: @Sendable (String) -> Void

    /// Runs the simulation and returns how many events were stored.
    ///
    /// During an outage it retries the current event, which has a fixed id and so is stored once.
    ///
    /// - Throws: a permanent ``ProducerError``, a `ValidationError` for an invalid cast.
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
                try await lookUp(for: &simulation)
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

    private func lookUp(for simulation: inout Simulation) async throws {
        for approval in simulation.lookUps(at: .now) {
            let decision = try await retrying { () throws(ProducerError) in try await sink.decision(on: approval) }
            if let decision { simulation.take(decision, on: approval, at: .now) }
        }
    }

    private func publish(_ told: SimulatedEvent) async throws {
        try await retrying { () throws(ProducerError) in
            if let (draft, reference) = told.execution {
                // Executions that an earlier simulation left unfinished are not continued.
                _ = try await sink.publish(draft, to: reference, replacing: true, timeout: timeout)
            } else {
                _ = try await sink.publishChecked(contentsOf: [told.event], under: nil, intake: nil, timeout: timeout)
            }
        }
    }

    /// Repeats a request until it succeeds or fails permanently.
    private func retrying<Answer>(_ request: () async throws(ProducerError) -> Answer) async throws -> Answer {
        while true {
            do throws(ProducerError) {
                return try await request()
            } catch {
                guard error.isRetriable else { throw error }
                complain(error.message)
            }
            // A pause before retrying an immediate failure, such as a full log.
            try await Task.sleep(for: .seconds(1))
        }
    }
}
