/// The number of messages per subject of a batch, as JetStream counts: every approval must have one decision and one effect.
///
/// A decision has the subject `events.<tenant>.DECISION.<approval>`, its effect `….EFFECT`, a vote `….VOTE.<user>`.
struct DecisionLedger: Equatable {
    enum Verdict: Equatable {
        /// The number of missing decisions and effects.
        case incomplete(Int)
        /// Each exists exactly once.
        case exact
    }

    /// Number of messages by subject.
    let counts: [String: Int]

    /// Requests the counts of a tenant.
    static func of(_ tenant: String, on bus: BusConnection) throws(LoadError) -> DecisionLedger {
        try DecisionLedger(
            streamInfo: bus.request("$JS.API.STREAM.INFO.EVENTS", Array(#"{"subjects_filter":"\#(subject(tenant)).>"}"#.utf8))
        )
    }

    /// - Parameter streamInfo: the server's answer to `STREAM.INFO` with a `subjects_filter`. It has a member
    ///   `"subjects":{"<subject>":<count>,…}`, unless no subject matches.
    init(streamInfo: [UInt8]) throws(LoadError) {
        let text = String(decoding: streamInfo, as: UTF8.self)
        guard text.hasPrefix("{"), !text.contains(#""error":"#) else {
            throw LoadError("The nats-server does not say what the log holds: \(text.prefix(256))")
        }
        var counts: [String: Int] = [:]
        // The subjects in the stream's configuration are an array; only the counts are an object.
        let listing = text.split(separator: #""subjects":{"#, maxSplits: 1).dropFirst().first?.prefix { $0 != "}" } ?? ""
        for member in listing.split(separator: ",") {
            let parts = member.split(separator: ":")
            guard parts.count == 2, let count = Int(parts[1]) else {
                throw LoadError("The nats-server lists the log's subjects in a way that this tool does not know: \(member.prefix(256))")
            }
            counts[String(parts[0].dropFirst().dropLast())] = count
        }
        self.counts = counts
    }

    /// Throws on a second decision, or one that was not requested.
    func verdict(on batch: ApprovalBatch) throws(LoadError) -> Verdict {
        let decisions = batch.approvals.map { "\(Self.subject(batch.tenant)).\($0)" }
        var expected = Set(decisions).union(decisions.map { $0 + ".EFFECT" })
        if batch.hasGroup { expected.formUnion(decisions.map { "\($0).VOTE.\(ApprovalBatch.user)" }) }
        for (subject, count) in counts {
            guard expected.contains(subject) else { throw LoadError("The log holds \(subject), which nobody asked for.") }
            guard count == 1 else { throw LoadError("The log holds \(subject) \(count) times: it was not decided exactly once.") }
        }
        return counts.count == expected.count ? .exact : .incomplete(expected.count - counts.count)
    }

    private static func subject(_ tenant: String) -> String { "events.\(tenant).DECISION" }
}
