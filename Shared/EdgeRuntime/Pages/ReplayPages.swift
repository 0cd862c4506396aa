import EventLog
import EventModel

/// The pages of what a loop's connections have read from the log. Readers at the same position share one, for as long as any of them holds it: a
/// thousand that begin at the oldest event cost one encoding and one page a piece. Used on the loop's thread.
struct ReplayPages {
    private struct Key: Hashable {
        var chain: ObjectIdentifier
        var position: ChainPosition
    }

    private struct Place {
        /// Another chain may get the address of one that is gone.
        weak var chain: PageChain?
        weak var page: Page?
    }

    private var places: [Key: Place] = [:]
    private var tidyAt = Self.tidyAbove
    /// Number of places at which those without a page are removed.
    private static let tidyAbove = 64

    /// The number of remembered places, with a page or without.
    var placeCount: Int { self.places.count }

    /// Returns the page of these entries, which follow the position in the log: one that is held, or a new one.
    ///
    /// - Parameters:
    ///   - epoch: that of the entries' cursors.
    ///   - budget: where a new page is counted, once for all who share it.
    mutating func page(
        of entries: [LogEntry],
        on chain: PageChain,
        after position: ChainPosition,
        epoch: UInt16,
        countedIn budget: ByteBudget
    ) -> Page {
        let key = Key(chain: ObjectIdentifier(chain), position: position)
        // Entries may have been deleted since.
        if let place = self.places[key], place.chain === chain, let page = place.page, page.holds(entries) { return page }
        let page = Page(of: entries, encoder: chain.encoder, epoch: epoch)
        page.share = ByteBudget.Share(page.footprint, in: budget)
        if self.places.count >= self.tidyAt {
            self.places = self.places.filter { $0.value.page != nil }
            self.tidyAt = max(Self.tidyAbove, 2 * self.places.count)
        }
        self.places[key] = Place(chain: chain, page: page)
        return page
    }
}

extension Page {
    /// Encodes entries into a page of their size. Any thread.
    convenience init(of entries: [LogEntry], encoder: any StreamEncoder, epoch: UInt16) {
        var encoded: [[UInt8]] = []
        encoded.reserveCapacity(entries.count)
        for entry in entries {
            var bytes: [UInt8] = []
            encoder.append(entry, cursor: entry.cursor(epoch: epoch), to: &bytes)
            encoded.append(bytes)
        }
        self.init(byteCapacity: encoded.reduce(0) { $0 + $1.count }, entryCapacity: entries.count, hasTopics: encoder.hasTopics)
        for (entry, bytes) in zip(entries, encoded) {
            self.append(
                bytes,
                sequence: entry.sequence,
                intake: entry.intake,
                recipients: entry.event.recipients,
                type: entry.event.type,
                topic: encoder.topic(of: entry.event),
                isFinal: entry.execution?.isFinal ?? false
            )
        }
    }

    /// Whether its entries are these, by their sequences.
    fileprivate func holds(_ entries: [LogEntry]) -> Bool {
        guard entries.count == self.entryCount else { return false }
        return entries.indices.allSatisfy { entries[$0].sequence == self.entries[$0].sequence }
    }
}
