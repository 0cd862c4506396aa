import Basics
import CausewayProducer
import EventModel
import OperatorCommands

/// Publishes the events of an input in order, one per line.
///
/// Publishes all lines of a read together: without waiting for a full batch, so that `tail -f` works, and without waiting for each event. At most one
/// read, of ``pieceBytes``, is in flight at a time.
struct LinePublisher: Sendable {
    /// Bytes per read.
    static let pieceBytes = 1 << 20

    /// The result for the whole input.
    struct Summary: Sendable, Equatable {
        /// Number of events that the log acknowledged.
        var stored = 0
        /// Number of lines that were not valid events.
        var refused = 0
        /// The log's error that ended publishing early; nil if the whole input was read.
        var failure: ProducerError?
        /// Whether an invalid line ended publishing (``isStrict``).
        var stoppedAtBadLine = false
    }

    let sink: any EventSink
    let reader: EventReader
    /// Whether to stop at the first invalid line; the lines before it are published anyway.
    let isStrict: Bool
    /// Time limit for publishing one read.
    let timeout: Duration
    /// Receives one JSON line for each stored event.
    let print: @Sendable (String) -> Void
    /// Receives an error message for each invalid line.
    let complain: @Sendable (String) -> Void

    /// Publishes everything that `read` returns, until it returns nothing.
    func run(reading read: () async throws -> [UInt8]) async throws -> Summary {
        var summary = Summary()
        var splitter = LineSplitter(maximumBytes: LineSplitter.Line.maximumEventBytes)
        while true {
            let piece = try await read()
            let lines = piece.isEmpty ? [splitter.finish()].compactMap(\.self) : splitter.take(piece)
            let goesOn = await publish(lines, &summary)
            guard goesOn, !piece.isEmpty else { return summary }
        }
    }

    /// Publishes some lines. Returns whether to continue.
    private func publish(_ lines: [LineSplitter.Line], _ summary: inout Summary) async -> Bool {
        var events: [Event] = []
        var numbers: [Int] = []
        var generator = SharedRandomNumberGenerator()
        let now = Timestamp.now
        for line in lines {
            do throws(ValidationError) {
                events.append(try reader.event(line, now: now, using: &generator))
                numbers.append(line.number)
            } catch {
                complain("line \(line.number): \(error)")
                summary.refused += 1
                summary.stoppedAtBadLine = isStrict
                if isStrict { break }
            }
        }
        guard let first = numbers.first, let last = numbers.last else { return !summary.stoppedAtBadLine }
        do throws(ProducerError) {
            for (result, number) in zip(try await store(events, intake: now), numbers) {
                switch result {
                case .success(let published):
                    print(Self.line(published))
                    summary.stored += 1
                case .failure(let error):
                    complain("line \(number): \([error.field, error.message].compactMap(\.self).joined(separator: ": "))")
                    summary.refused += 1
                    summary.stoppedAtBadLine = summary.stoppedAtBadLine || isStrict
                }
            }
        } catch {
            let place = first == last ? "line \(first)" : "lines \(first) to \(last)"
            complain("\(place): unknown whether stored, and later lines are not published: \(error.message)")
            summary.failure = error
            return false
        }
        return !summary.stoppedAtBadLine
    }

    /// Stores events individually. A strict run stores nothing behind the first event that the log rejects.
    private func store(_ events: [Event], intake: Timestamp) async throws(ProducerError) -> [Result<PublishedEvent, ProducerError>] {
        guard isStrict else { return try await sink.publishChecked(each: events, intake: intake, timeout: timeout) }
        do throws(ProducerError) {
            return try await sink.publishChecked(contentsOf: events, under: nil, intake: intake, timeout: timeout).map { .success($0) }
        } catch {
            guard error.code == .conflict || error.code == .tooLarge else { throw error }
        }
        var results: [Result<PublishedEvent, ProducerError>] = []
        for event in events {
            results += try await sink.publishChecked(each: [event], intake: intake, timeout: timeout)
            if case .failure = results.last { break }
        }
        return results
    }

    /// Returns the output line for a stored event.
    static func line(_ published: PublishedEvent) -> String {
        var line: JSONObject = ["id": .string(published.id), "cursor": .string(published.cursor.text)]
        if published.isDuplicate { line.append("duplicate", true) }
        return line.text
    }
}
