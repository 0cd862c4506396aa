import EventModel

/// Which entries of a run a connection receives.
public enum RunVerdict: Sendable {
    case all, none
    /// Perhaps some of them: each is to be asked about.
    case each
}

/// Decides which entries of its tenant a connection receives.
///
/// Takes an entry in its page: a copy would cost reference counting for each entry and connection.
protocol EntryFilter {
    /// Whether all entries for everyone in the tenant are admitted.
    var admitsAllShared: Bool { get }
    /// - Parameters:
    ///   - first: the first entry of a run (``Page/endOfRun(_:in:)``).
    ///   - last: the sequence of its last entry. With that of `first`, the verdict is not ``RunVerdict/each``.
    func verdict(on first: UnsafePointer<PageEntry>, through last: UInt64) -> RunVerdict
}

extension EntryFilter {
    /// Whether the connection receives one entry.
    func admits(_ entry: UnsafePointer<PageEntry>) -> Bool {
        if case .all = self.verdict(on: entry, through: entry.pointee.sequence) { true } else { false }
    }
}

extension Audience: EntryFilter {
    var admitsAllShared: Bool { self.filter == nil }

    func verdict(on first: UnsafePointer<PageEntry>, through last: UInt64) -> RunVerdict {
        first.pointee.recipients.includes(self.user) && self.filter?.matches(first.pointee.type) ?? true ? .all : .none
    }
}

/// A filter that asks the conversation.
struct ConversationFilter: EntryFilter {
    let audience: Audience
    let conversation: any Conversation
    /// The entry sent in part. Its rest must follow even if the client has unsubscribed since.
    let begun: UInt64?

    var admitsAllShared: Bool { false }

    func verdict(on first: UnsafePointer<PageEntry>, through last: UInt64) -> RunVerdict {
        let sequences = first.pointee.sequence...last
        if let begun = self.begun, sequences.contains(begun) { return sequences.count == 1 ? .all : .each }
        guard self.audience.admits(first) else { return .none }
        return self.conversation.verdict(on: sequences, of: first.pointee.topic)
    }
}
