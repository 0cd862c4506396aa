import Basics
import EventModel
import FoundationEssentials

/// What a viewer of an execution sees of its events (contract §9). A pure value.
struct ExecutionProgress: Sendable {
    /// How an execution ended.
    enum Outcome: Sendable, Hashable {
        case completed
        case failed
    }

    /// What to show after an event.
    struct View: Sendable, Hashable {
        /// Lines that stay.
        var lines: [String] = []
        /// The line that the next event replaces; nil for none.
        var bar: String?
    }

    private static let barWidth = 30
    /// The members that the lines show.
    private struct Words: Decodable {
        var progress: Double?
        var label: String?
        var message: String?

        private enum Key: String, CodingKey {
            case progress, step, name, stepId, message
        }

        /// Leaves out members of other kinds: their rules hold for types of the catalogue alone.
        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Key.self)
            func text(_ key: Key) -> String? { (try? members.decodeIfPresent(String.self, forKey: key)) ?? nil }
            progress = ((try? members.decodeIfPresent(Double.self, forKey: .progress)) ?? nil).flatMap { (0...1).contains($0) ? $0 : nil }
            label = text(.step) ?? text(.name) ?? text(.stepId)
            message = text(.message)
        }
    }

    let kind: ExecutionReference.Kind
    private(set) var outcome: Outcome?

    init(_ kind: ExecutionReference.Kind) {
        self.kind = kind
    }

    /// Records an event and returns what a terminal shows: what is under way as a bar, what ended as a line.
    mutating func view(_ event: StreamEvent, on terminal: Terminal) -> View {
        note(event)
        guard outcome == nil, let words = Self.words(event), let fraction = words.progress else {
            return View(lines: [terminal.styled(Self.line(event), outcome == .failed ? .red : outcome == .completed ? .green : .dim)])
        }
        return View(bar: Self.bar(fraction, words, width: terminal.width))
    }

    /// Records an event and returns the line for a pipe.
    mutating func line(_ event: StreamEvent) -> String {
        note(event)
        return Self.line(event)
    }

    private mutating func note(_ event: StreamEvent) {
        guard let type = try? ExecutionCatalogue.type(event.type, of: kind), ExecutionCatalogue.isFinal(type) else { return }
        outcome = type == ExecutionCatalogue.failure(of: kind) ? .failed : .completed
    }

    private static func words(_ event: StreamEvent) -> Words? { try? JSONDecoder().decode(Words.self, from: Data(event.data.utf8)) }

    /// Number, type, and progress, step and message, or the payload without a progress.
    private static func line(_ event: StreamEvent) -> String {
        var parts = [event.id.map { "#\($0)" }, event.type]
        if let words = words(event), let fraction = words.progress {
            parts += [percentage(fraction), words.label, words.message]
        } else {
            parts.append(event.data)
        }
        return TerminalText.safe(parts.compactMap(\.self).joined(separator: "  "))
    }

    private static func bar(_ fraction: Double, _ words: Words, width: Int) -> String {
        let filled = Int((fraction * Double(barWidth)).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled)
        let text = ["[\(bar)]", percentage(fraction), words.label, words.message].compactMap(\.self).joined(separator: "  ")
        // A line that is broken by the terminal could not be replaced.
        return String(TerminalText.safe(text).prefix(max(1, width - 1)))
    }

    private static func percentage(_ fraction: Double) -> String {
        let text = "\(Int((fraction * 100).rounded(.down))) %"
        return String(repeating: " ", count: max(0, 5 - text.count)) + text
    }
}
