/// The result of one check.
struct Finding: Sendable, Equatable {
    /// The checks, in the order of the report.
    enum Check: String, Sendable, CaseIterable {
        case connection
        case token
        case clock
        case http2
        case stream
        case authorization
        case query
        case lastEventID = "last-event-id"
        case buffering
        case compression
        case idle = "stream-idle"
        case workspace
        case workspaceIdle = "workspace-idle"
        case relay
        case relayIdle = "relay-idle"
        case subprotocol
        case pages
        case crossOrigin = "cross-origin"
        case requestID = "request-id"
    }

    enum Verdict: String, Sendable {
        case ok
        /// It works but could be improved, or could not be judged.
        case advice
        case fault
    }

    let check: Check
    let verdict: Verdict
    let sentence: String
    /// The fix; nil if the finding already names it.
    var remedy: Remedy?

    static func ok(_ check: Check, _ sentence: String) -> Finding {
        Finding(check: check, verdict: .ok, sentence: sentence)
    }

    static func advice(_ check: Check, _ sentence: String, _ remedy: Remedy? = nil) -> Finding {
        Finding(check: check, verdict: .advice, sentence: sentence, remedy: remedy)
    }

    static func fault(_ check: Check, _ sentence: String, _ remedy: Remedy?) -> Finding {
        Finding(check: check, verdict: .fault, sentence: sentence, remedy: remedy)
    }
}
