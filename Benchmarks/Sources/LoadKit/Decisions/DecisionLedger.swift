/// What the log holds of a batch's decisions, by subject, as JetStream counts it: every approval must have one decision and one effect.
///
/// A decision lies at `events.<tenant>.DECISION.<approval>` and what follows from it at `….EFFECT`.
struct DecisionLedger: Equatable {
    enum Verdict: Equatable {
        /// So many decisions and effects are not there yet.
        case incomplete(Int)
        /// Each is there once.
        case exact
    }

    /// Messages by subject.
    let counts: [String: Int]

    /// Asks the log about a tenant.
    static func of(_ tenant: String, on bus: BusConnection) throws(LoadError) -> DecisionLedger {
        try DecisionLedger(
            streamInfo: bus.request("$JS.API.STREAM.INFO.EVENTS", Array(#"{"subjects_filter":"\#(subject(tenant)).>"}"#.utf8))
        )
    }

    /// - Parameter streamInfo: what the server answers to `STREAM.INFO` with a `subjects_filter`: somewhere in it,
    ///   `"subjects":{"<subject>":<count>,…}`, or nothing of the kind when no subject matches.
    init(streamInfo: [UInt8]) throws(LoadError) {
        let text = String(decoding: streamInfo, as: UTF8.self)
        guard text.hasPrefix("{"), !text.contains(#""error":"#) else {
            throw LoadError("The nats-server does not say what the log holds: \(text.prefix(256))")
        }
        var counts: [String: Int] = [:]
        // The subjects of the stream's configuration are an array; only these are an object.
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
        let expected = Set(decisions).union(decisions.map { $0 + ".EFFECT" })
        for (subject, count) in counts {
            guard expected.contains(subject) else { throw LoadError("The log holds \(subject), which nobody asked for.") }
            guard count == 1 else { throw LoadError("The log holds \(subject) \(count) times: it was not decided exactly once.") }
        }
        return counts.count == expected.count ? .exact : .incomplete(expected.count - counts.count)
    }

    private static func subject(_ tenant: String) -> String { "events.\(tenant).DECISION" }
}
