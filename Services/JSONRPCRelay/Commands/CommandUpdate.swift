/// News of a command.
enum CommandUpdate: Hashable, Sendable {
    /// It goes on; for ``RelayEngine/progressed(_:_:)``.
    case progress([UInt8])
    /// It has ended, and nothing more comes; for ``RelayEngine/completed(_:_:)``.
    case completed(CommandOutcome)
}

/// Gets the news of one connection's commands, on a thread of the bus and never within a call of its own; must not block.
typealias CommandObserver = @Sendable (CommandToken, CommandUpdate) -> Void
