/// An update on a command.
enum CommandUpdate: Hashable, Sendable {
    /// Progress; for ``RelayEngine/progressed(_:_:)``.
    case progress([UInt8])
    /// The end, always the last update; for ``RelayEngine/completed(_:_:)``.
    case completed(CommandOutcome)
}

/// Receives the updates of one connection's commands, on a bus thread and never within its own call; must not block.
typealias CommandObserver = @Sendable (CommandToken, CommandUpdate) -> Void
