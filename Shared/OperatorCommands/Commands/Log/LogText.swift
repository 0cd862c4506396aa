import Basics
import EventLog
import NATSClient
import ServiceKit

/// Formats the state of the log's streams.
enum LogText {
    /// The lines of a stream for people, without a line end behind the last one.
    static func lines(_ stream: LogInspection.Stream, now: Timestamp) -> String {
        let share = stream.limits.maxBytes.flatMap { most in most > 0 ? " (\(stream.bytes * 100 / UInt64(most)) %)" : nil } ?? ""
        var rows = [
            ("messages", "\(stream.messages)\(stream.deleted > 0 ? ", and \(stream.deleted) deleted between them" : "")"),
            ("bytes", "\(stream.bytes) of \(size(stream.limits.maxBytes))\(share)"),
            ("kept for", age(stream.limits.maxAge)),
            ("oldest", entry(stream.oldest, stream.firstSequence, now: now)),
            ("newest", entry(stream.newest, stream.lastSequence, now: now)),
            ("replicas", "\(stream.replicas), in \(stream.storage == .file ? "files" : "memory")"),
        ]
        if stream.messages == 0 { rows.removeAll { $0.0 == "oldest" || $0.0 == "newest" } }
        return ([stream.name] + rows.map { "  \($0.0)\(String(repeating: " ", count: 10 - $0.0.count))\($0.1)" }).joined(separator: "\n")
    }

    /// A stream for programs.
    static func json(_ stream: LogInspection.Stream) -> JSONObject.Value {
        var object: JSONObject = [
            "name": .string(stream.name), "messages": .integer(Int(clamping: stream.messages)),
            "bytes": .integer(Int(clamping: stream.bytes)), "deleted": .integer(Int(clamping: stream.deleted)),
            "firstSequence": .integer(Int(clamping: stream.firstSequence)), "lastSequence": .integer(Int(clamping: stream.lastSequence)),
        ]
        object.append("oldest", text: stream.oldest?.iso8601)
        object.append("newest", text: stream.newest?.iso8601)
        object.append("maxAge", stream.limits.maxAge.map { .string(DurationText.show($0)) } ?? .null)
        object.append("maxBytes", stream.limits.maxBytes.map { .integer(Int($0)) } ?? .null)
        object.append("replicas", .integer(stream.replicas))
        object.append("storage", .string(stream.storage.rawValue))
        return .object(object)
    }

    /// A limit of age.
    static func age(_ age: Duration?) -> String { age.map { DurationText.show($0) } ?? "unlimited" }

    /// A limit of size.
    static func size(_ bytes: Int64?) -> String { bytes.map { ByteSizeText.show(Int($0)) } ?? "unlimited" }

    private static func entry(_ time: Timestamp?, _ sequence: UInt64, now: Timestamp) -> String {
        guard let time else { return "sequence \(sequence)" }
        let seconds = max(0, (now.millisecondsSinceEpoch - time.millisecondsSinceEpoch) / 1000)
        return "\(time.iso8601), \(Wording.show(.seconds(seconds))) ago, sequence \(sequence)"
    }
}
