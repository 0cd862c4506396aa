import ArgumentParser
import Basics
import EventModel

/// Publishes the events of an input in order, one per line, in requests of many.
///
/// All complete lines of a read are sent together: without waiting for a full request, so that `tail -f` works.
struct PublishedLines<C: Clock> where C.Duration == Duration {
    /// The result for the whole input.
    struct Summary: Sendable, Equatable {
        var stored = 0
        /// Number of lines that were not valid events, or that the server refused.
        var refused = 0
    }

    /// One line of the input that is an event.
    private struct Entry {
        let number: Int
        let id: String
        let event: JSONObject
    }

    /// Bytes per read. A request has the complete lines of one read, so it stays below the intake's limit (contract §10).
    static var pieceBytes: Int { 1 << 20 }

    let client: IntakeClient<C>
    /// The tenant of events that name none; nil for the token's.
    let tenant: String?
    /// Whether to stop at the first line that is not stored.
    let isStrict: Bool
    /// Receives id and cursor of a stored event.
    let stored: (_ id: String, _ cursor: String) -> Void
    let complain: (String) -> Void

    /// Publishes everything that `read` returns, until it returns nothing.
    ///
    /// - Throws: the exit code of the command, after printing an error message, when the server does not answer or does not permit it.
    func run(reading read: () async throws -> [UInt8]) async throws -> Summary {
        var summary = Summary()
        var splitter = LineSplitter(maximumBytes: LineSplitter.Line.maximumEventBytes)
        while true {
            let piece = try await read()
            let lines = piece.isEmpty ? [splitter.finish()].compactMap(\.self) : splitter.take(piece)
            var entries: [Entry] = []
            for line in lines {
                do throws(Basics.ValidationError) {
                    entries.append(try entry(line))
                } catch {
                    complain("line \(line.number): \(error)")
                    summary.refused += 1
                    if isStrict { break }
                }
            }
            try await send(entries, &summary)
            if piece.isEmpty || (isStrict && summary.refused > 0) { return summary }
        }
    }

    private func entry(_ line: LineSplitter.Line) throws(Basics.ValidationError) -> Entry {
        let draft = try line.draft()
        let id = draft.id?.text ?? ULID.generate()
        return Entry(number: line.number, id: id, event: draft.json(tenant: tenant, id: id))
    }

    /// Sends entries in requests of as many as the intake takes.
    private func send(_ entries: [Entry], _ summary: inout Summary) async throws {
        var rest = entries[...]
        while !rest.isEmpty {
            let batch = rest.prefix(EventIntake.maximumEvents)
            rest = rest.dropFirst(batch.count)
            try await sendOnce(Array(batch), &summary)
            if isStrict, summary.refused > 0 { return }
        }
    }

    /// Sends one request. Of one that is refused for its content nothing was stored: its events are then sent one by one, to find the one at fault.
    private func sendOnce(_ batch: [Entry], _ summary: inout Summary) async throws {
        guard let first = batch.first, let last = batch.last else { return }
        let place = first.number == last.number ? "line \(first.number)" : "lines \(first.number) to \(last.number)"
        do {
            let cursors = try await client.store(batch.map(\.event))
            for (entry, cursor) in zip(batch, cursors) { stored(entry.id, cursor) }
            summary.stored += batch.count
        } catch IntakeClient<C>.Failure.refused(let refusal) where Self.concernsContent(refusal) {
            guard batch.count == 1 else {
                for entry in batch {
                    try await sendOnce([entry], &summary)
                    if isStrict, summary.refused > 0 { return }
                }
                return
            }
            complain("\(place): \(refusal.sentence)")
            summary.refused += 1
        } catch IntakeClient<C>.Failure.refused(let refusal) {
            complain("\(place): not stored, nor are later lines: \(refusal.sentence)")
            throw ArgumentParser.ExitCode(refusal.code)
        } catch IntakeClient<C>.Failure.unknown(let sentence) {
            complain("\(place): unknown whether stored, and later lines are not published: \(sentence)")
            throw Exit.unavailable
        }
    }

    /// Whether another event could be accepted.
    private static func concernsContent(_ refusal: ServerRefusal) -> Bool {
        [Exit.invalidEvent, Exit.refused].map(\.rawValue).contains(refusal.code)
    }
}
