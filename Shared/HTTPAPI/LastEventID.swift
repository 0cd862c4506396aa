import HTTPTypes
public import Hummingbird

/// Where a client says that it is (contract §3), under every spelling that clients use.
///
/// The header `Last-Event-ID`, or the query parameter `last_event_id`. `lastEventId`, `lastEventID` and `Last-Event-ID` are the same parameter:
/// names are compared without case, `_` and `-`.
public enum LastEventID {
    /// Whether `name` is a spelling of the parameter. Also for the member of JSON-RPC params.
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
    /// The place that the client names: nil for none, empty for the oldest event kept, otherwise the text of a cursor or of anything else.
    ///
    /// The header wins over the query. Several values are joined by what no cursor has in it: the client is answered that its cursor is unknown,
    /// never passed over and never refused.
    public var lastEventID: String? {
        let values = headers[values: .lastEventID]
        guard values.isEmpty else { return values.joined(separator: ", ") }
        return QueryParameters(unbounded: uri.query).lastEventID
    }
}
