/// Tells the person at a command what happened to a stream, on standard error.
struct StreamNotices: Sendable {
    private let terminal: Terminal
    private let isQuiet: Bool
    private let complain: @Sendable (String) -> Void
    private var isLost = false

    /// - Parameter isQuiet: whether to tell gaps alone.
    init(_ terminal: Terminal, isQuiet: Bool, complain: @escaping @Sendable (String) -> Void = Console.complain) {
        (self.terminal, self.isQuiet, self.complain) = (terminal, isQuiet, complain)
    }

    /// Tells an item; nothing for an event.
    mutating func tell(_ item: StreamItem) {
        switch item {
        case .event: return
        case .gap(let reason, let missedBefore): complain(terminal.styled(Self.sentence(gap: reason, missedBefore), .yellow))
        case .stalled: progress("the log is out of reach: the events of this time follow later")
        case .live: progress("the log is followed again")
        case .lost(let sentence, let pause):
            isLost = true
            progress("\(sentence); connecting again in \(Wording.show(pause))")
        case .opened:
            if isLost { progress("connected again, nothing is missing unless a gap is told") }
            isLost = false
        }
    }

    private func progress(_ sentence: String) {
        if !isQuiet { complain(terminal.styled(sentence, .dim)) }
    }

    /// Returns the sentence for a gap (contract §3).
    private static func sentence(gap reason: String, _ missedBefore: String?) -> String {
        switch (reason, missedBefore) {
        case ("expired", let first?): "gap: events before \(TerminalText.safe(first)) have left the log and are missing"
        case ("expired", nil): "gap: events have left the log and are missing"
        default: "gap: the log does not know the cursor (\(TerminalText.safe(reason))); events may be missing"
        }
    }
}
