import Basics
import EventModel
import FoundationEssentials

/// The members that the commands read from a server's JSON.
struct ServerWords: Decodable {
    /// Of `stream.gap` and `stream.end` (contract §4).
    var reason: String?
    /// Of `stream.gap`: the first event still kept.
    var missedBefore: String?
    /// Of an error (contract §1).
    var error: String?
    var message: String?
    /// Of the workspace stream's frames (contract §5).
    var ts: String?
    /// Of the relay's first notification (contract §6).
    var params: Params?

    struct Params: Decodable {
        var serverTime: String?
    }

    /// Parses a JSON object; nil for other text.
    init?(_ text: String) {
        guard let words = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = words
    }

    /// The server's clock.
    var serverTime: Timestamp? { (ts ?? params?.serverTime).flatMap { Timestamp(rfc3339: $0) } }
}
