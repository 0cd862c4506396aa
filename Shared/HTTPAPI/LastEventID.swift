import HTTPTypes
public import Hummingbird

/// Reads a client's resume position (contract §3), in all spellings that clients use.
///
/// The header `Last-Event-ID`, or the query parameter `last_event_id`. `lastEventId`, `lastEventID` and `Last-Event-ID` are the same
/// parameter: names are compared without case, `_` and `-`.
public enum LastEventID {
    /// Returns whether `name` is a spelling of the parameter; also for JSON-RPC params.
    public static func isName(_ name: some Sequence<UInt8>) -> Bool {
        var expected = "lasteventid".utf8.makeIterator()
        for byte in name where byte != UInt8(ascii: "_") && byte != UInt8(ascii: "-") {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            guard expected.next() == (isCapital ? byte | 0x20 : byte) else { return false }
        }
        return expected.next() == nil
    }
}

extension Request {
    /// The client's position: nil when absent, empty for the oldest event kept, otherwise the text of a cursor, valid or not.
    ///
    /// The header wins over the query. Several values are joined to an invalid cursor: the response reports an unknown cursor, and the
    /// request is never refused.
    public var lastEventID: String? {
        let values = headers[values: .lastEventID]
        guard values.isEmpty else { return values.joined(separator: ", ") }
        return QueryParameters(unbounded: uri.query).lastEventID
    }
}
