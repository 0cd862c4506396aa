import EventModel

extension LoopHub {
    /// Counts the connections that a traced entry was written to, and those still behind it.
    func closePart(of trace: TracedDelivery, _ chain: PageChain) {
        let entry = PageEntry(
            sequence: trace.cursor.sequence,
            end: 0,
            personalCount: 0,
            isFinal: false,
            intake: trace.cursor.time,
            recipients: trace.event.recipients,
            type: trace.event.type,
            topic: chain.encoder.topic(of: trace.event)
        )
        var connections = 0
        var behind = 0
        for connection in self.groupOfChain[ObjectIdentifier(chain)]?.members ?? [] {
            switch connection.assumeIsolated({ $0.hasPassed(entry) }) {
            case true?: connections += 1
            case false?: behind += 1
            case nil: break
            }
        }
        trace.closePart(connections: connections, behind: behind)
    }
}
