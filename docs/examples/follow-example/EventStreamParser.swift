/// An event of a stream of server-sent events.
struct ServerSentEvent {
    var type: String
    var data: String
}

/// Makes events of a stream's lines (WHATWG HTML, section "Interpreting an event stream").
struct EventStreamParser {
    /// Where the stream is: what to send as `Last-Event-ID` to go on from here.
    private(set) var lastEventID: String?
    /// How long to wait before coming back, as the server last asked for.
    private(set) var retry = Duration.seconds(2)
    private var type = ""
    private var data: [Substring] = []

    /// Takes the next line, without its end; returns the event that it completes.
    mutating func take(line: Substring) -> ServerSentEvent? {
        guard !line.isEmpty else { return finishBlock() }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count == 2 ? parts[1] : ""
        if value.first == " " { value.removeFirst() }
        switch parts[0] {
        case "event": type = String(value)
        case "data": data.append(value)
        case "id": lastEventID = String(value)
        case "retry": if let milliseconds = Int(value) { retry = .milliseconds(milliseconds) }
        default: break  // A line that begins with a colon is a comment.
        }
        return nil
    }

    /// Forgets a block that the connection's end has cut short.
    mutating func abandonBlock() {
        _ = finishBlock()
    }

    private mutating func finishBlock() -> ServerSentEvent? {
        defer { (type, data) = ("", []) }
        return data.isEmpty ? nil : ServerSentEvent(type: type.isEmpty ? "message" : type, data: data.joined(separator: "\n"))
    }
}
