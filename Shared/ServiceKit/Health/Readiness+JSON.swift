import Basics

extension Readiness.Report {
    /// The body of `/readyz`:
    /// `{"status":"ready","conditions":[{"name":"bus","ready":false,"reason":"…"}],"notes":{"log.replicas":"1"}}`,
    /// with the status `ready`, `not_ready` or `draining`.
    var json: [UInt8] {
        let status = isDraining ? "draining" : isReady ? "ready" : "not_ready"
        var report: JSONObject = [
            "status": .string(status),
            "conditions": .array(
                conditions.map { condition in
                    var object: JSONObject = ["name": .string(condition.name), "ready": .boolean(condition.status == .ready)]
                    if case .notReady(let reason) = condition.status { object.append("reason", text: LogLine.text(reason)) }
                    return .object(object)
                }
            ),
        ]
        if !notes.isEmpty {
            var object: JSONObject = [:]
            for (name, text) in notes.sorted(by: { $0.key < $1.key }) { object.append(name, text: LogLine.text(text)) }
            report.append("notes", .object(object))
        }
        return report.bytes + "\n".utf8
    }
}
