/// Decides which entries of its tenant a connection gets.
protocol EntryFilter {
    /// Whether all entries that are for no single user are admitted.
    var admitsAllShared: Bool { get }
    func admits(_ entry: PageEntry) -> Bool
}

extension Audience: EntryFilter {
    var admitsAllShared: Bool { self.filter == nil }
}

/// An audience that says itself what it wants.
struct ConversationFilter: EntryFilter {
    let audience: Audience
    let conversation: any Conversation
    /// The entry that was sent in part. Its rest must follow, whatever the client has unsubscribed from since.
    let begun: UInt64?

    var admitsAllShared: Bool { false }

    func admits(_ entry: PageEntry) -> Bool {
        if entry.sequence == self.begun { return true }
        return self.audience.admits(entry) && self.conversation.admits(sequence: entry.sequence, topic: entry.topic, type: entry.type)
    }
}
