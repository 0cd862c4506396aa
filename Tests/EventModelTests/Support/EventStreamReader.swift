import TestKit

/// A browser's event stream parser (WHATWG HTML §9.2.6), for checking the encoders.
struct EventStreamReader {
    struct Event: Equatable {
        var name: String
        var data: String
        var lastEventID: String
    }

    private(set) var events: [Event] = []
    private(set) var lastEventID = ""
    private(set) var retry: Int?

    init(_ bytes: [UInt8]) {
        var name = ""
        var data: [String] = []
        // Swift counts CR LF as one character, and all three line ends are newlines here.
        let text = String(decoding: bytes, as: UTF8.self)
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }) {
            if line.isEmpty {
                if !data.isEmpty {
                    events.append(
                        Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"), lastEventID: lastEventID)
                    )
                }
                name = ""
                data = []
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            var value = parts.count > 1 ? parts[1] : ""
            if value.hasPrefix(" ") { value = value.dropFirst() }
            switch parts[0] {
            case "event": name = String(value)
            case "data": data.append(String(value))
            case "id": if !value.contains("\0") { lastEventID = String(value) }
            case "retry": if value.allSatisfy({ $0.isASCII && $0.isNumber }) { retry = Int(value) }
            default: break
            }
        }
    }
}
