import Basics
import CausewayProducer
import EventModel

/// Publishes the events of an input, line by line, in their order.
///
/// What has come in goes out together, without waiting for a full batch (`tail -f` works) and without waiting for each event. At most one
/// piece of the input, of ``pieceBytes``, is in flight at a time.
struct LinePublisher: Sendable {
    /// How much is read at a time.
    static let pieceBytes = 1 << 20

    /// What became of the input.
    struct Summary: Sendable, Equatable {
        /// How many events the log acknowledged.
        var stored = 0
        /// How many lines were not events.
        var refused = 0
        /// Why publishing ended before the input did: the log failed.
        var failure: ProducerError?
        /// Whether the first bad line ended it.
        var stoppedAtBadLine = false
    }

    let sink: any EventSink
    let reader: EventReader
    /// Whether the first bad line ends it; the lines before it are published all the same.
    let isStrict: Bool
    /// How long one piece may take.
    let timeout: Duration
    /// Gets one JSON line for every stored event.
    let print: @Sendable (String) -> Void
    /// Gets a sentence for every line that is no event.
    let complain: @Sendable (String) -> Void

    /// Publishes all that `read` returns until that is empty.
    func run(reading read: () async throws -> [UInt8]) async throws -> Summary {
        var summary = Summary()
        var splitter = LineSplitter(maximumBytes: EventReader.maximumLineBytes)
        while true {
            let piece = try await read()
            let lines = piece.isEmpty ? [splitter.finish()].compactMap(\.self) : splitter.take(piece)
            let goesOn = await publish(lines, &summary)
            guard goesOn, !piece.isEmpty else { return summary }
        }
    }

    /// Publishes some lines. Returns whether to go on.
    private func publish(_ lines: [LineSplitter.Line], _ summary: inout Summary) async -> Bool {
        var events: [Event] = []
        var numbers: [Int] = []
        var generator = SystemRandomNumberGenerator()
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
            complain("\(place): not known to be stored, and nothing after: \(error.message)")
            summary.failure = error
            return false
        }
        return !summary.stoppedAtBadLine
    }

    /// Stores events, each for itself; a strict run stores nothing behind the first that the log refuses.
    private func store(_ events: [Event], intake: Timestamp) async throws(ProducerError) -> [Result<PublishedEvent, ProducerError>] {
        guard isStrict else { return try await sink.publish(each: events, intake: intake, timeout: timeout) }
        do throws(ProducerError) {
            return try await sink.publish(contentsOf: events, under: nil, intake: intake, timeout: timeout).map { .success($0) }
        } catch {
            guard error.code == .conflict || error.code == .tooLarge else { throw error }
        }
        var results: [Result<PublishedEvent, ProducerError>] = []
        for event in events {
            results += try await sink.publish(each: [event], intake: intake, timeout: timeout)
            if case .failure = results.last { break }
        }
        return results
    }

    /// What is printed for a stored event.
    static func line(_ published: PublishedEvent) -> String {
        var line: JSONObject = ["id": .string(published.id), "cursor": .string(published.cursor.text)]
        if published.isDuplicate { line.append("duplicate", true) }
        return line.text
    }
}
