import Basics
import EventModel

/// Formats events of the notification stream (contract §4).
enum EventText {
    /// A line for people: time, id, type, payload.
    static func line(_ event: StreamEvent, on terminal: Terminal) -> String {
        let (payload, time) = parts(of: event)
        return [
            time.map { terminal.styled($0, .dim) },
            event.id.map { terminal.styled(TerminalText.safe($0), .dim) },
            terminal.styled(TerminalText.safe(event.type), event.type.hasSuffix("failed") ? .red : .cyan),
            TerminalText.safe(payload),
        ].compactMap(\.self).joined(separator: "  ")
    }

    /// A line of JSON: id, type, and the data as the server sent it.
    static func json(_ event: StreamEvent) -> String {
        var line: JSONObject = [:]
        line.append("id", text: event.id)
        line.append("type", .string(event.type))
        let data = Array(event.data.utf8)
        line.append("data", (try? JSONDocument.check(data)) == nil ? .string(event.data) : .json(data))
        return line.text
    }

    /// A line of JSON for a gap, in the form of an event.
    static func json(gap reason: String, missedBefore: String?) -> String {
        var data: JSONObject = ["reason": .string(reason)]
        data.append("missedBefore", text: missedBefore)
        return JSONObject(dictionaryLiteral: ("type", "stream.gap"), ("data", .object(data))).text
    }

    /// Separates the payload from the members `type` and `timestamp`, which stand around it byte for byte (contract §4). Other data stays whole.
    private static func parts(of event: StreamEvent) -> (payload: String, time: String?) {
        let (head, middle, end) = ("{\"type\":\"\(event.type)\",", "\"timestamp\":\"", "\"}")
        guard event.data.hasPrefix(head), event.data.hasSuffix(end), let start = event.data.ranges(of: middle).last else {
            return (event.data, nil)
        }
        let time = event.data[start.upperBound...].dropLast(end.count)
        let members = event.data[..<start.lowerBound].dropFirst(head.count)
        guard Timestamp(rfc3339: time) != nil else { return (event.data, nil) }
        return ("{\(members.last == "," ? members.dropLast() : members)}", String(time))
    }
}
