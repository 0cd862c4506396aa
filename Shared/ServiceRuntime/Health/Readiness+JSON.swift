import Basics
import EventModel

extension Readiness.Report {
    /// What `/readyz` answers:
    /// `{"status":"ready","conditions":[{"name":"bus","ready":false,"reason":"…"}],"notes":{"log.replicas":"1"}}`,
    /// with the status `ready`, `not_ready` or `draining`.
    var json: [UInt8] {
        var out = Array("{\"status\":\"\(isDraining ? "draining" : isReady ? "ready" : "not_ready")\",\"conditions\":[".utf8)
        for (index, condition) in conditions.enumerated() {
            out += (index == 0 ? "{\"name\":" : ",{\"name\":").utf8
            JSONString.append(condition.name, to: &out)
            switch condition.status {
            case .ready: out += ",\"ready\":true}".utf8
            case .notReady(let reason):
                out += ",\"ready\":false,\"reason\":".utf8
                JSONString.append(LogLine.text(reason), to: &out)
                out.append(UInt8(ascii: "}"))
            }
        }
        out += "]".utf8
        if !notes.isEmpty {
            out += ",\"notes\":{".utf8
            for (index, note) in notes.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONString.append(note.key, to: &out)
                out.append(UInt8(ascii: ":"))
                JSONString.append(LogLine.text(note.value), to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
        out += "}\n".utf8
        return out
    }
}
