/// Decides which entries of its tenant a connection receives.
protocol EntryFilter {
    /// Whether all entries for everyone in the tenant are admitted.
    var admitsAllShared: Bool { get }
    func admits(_ entry: PageEntry) -> Bool
}

extension Audience: EntryFilter {
    var admitsAllShared: Bool { self.filter == nil }
}

/// A filter that asks the conversation.
struct ConversationFilter: EntryFilter {
    let audience: Audience
    let conversation: any Conversation
    /// The entry sent in part. Its rest must follow even if the client has unsubscribed since.
    let begun: UInt64?

    var admitsAllShared: Bool { false }

    func admits(_ entry: PageEntry) -> Bool {
        if entry.sequence == self.begun { return true }
        return self.audience.admits(entry) && self.conversation.admits(sequence: entry.sequence, topic: entry.topic)
    }
}
