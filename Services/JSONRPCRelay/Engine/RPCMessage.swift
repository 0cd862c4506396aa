import Basics
import EventModel

/// What one text of a client says (JSON-RPC 2.0 §4, §6). All of it is read before anything is done.
enum RPCMessage: Hashable, Sendable {
    /// The most requests in one batch.
    static let maximumBatchCount = 100

    /// A single call.
    case single(RPCItem)
    /// At least one call, to be answered together.
    case batch([RPCItem])
    /// No message at all; the whole text gets one answer, with id null.
    case unreadable(RPCError)

    /// Reads a text. It may nest at most ``JSONScanner/maximumDepth`` deep; deeper is as unreadable as a syntax error.
    init(reading text: [UInt8]) {
        do throws(JSONSyntaxError) {
            self = try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) in
                scanner.skipWhitespace()
                let isBatch = try scanner.peek() == UInt8(ascii: "[")
                let message: RPCMessage =
                    isBatch ? try Self.batch(text, &scanner) : .single(try Self.item(text, &scanner, depth: 0))
                try scanner.finish()
                return message
            }
        } catch {
            self = .unreadable(.parseError)
        }
    }

    private static func batch(_ text: [UInt8], _ scanner: inout JSONScanner) throws(JSONSyntaxError) -> RPCMessage {
        var items: [RPCItem] = []
        var count = 0
        try scanner.openArray()
        while try scanner.nextElement(isFirst: count == 0) {
            count += 1
            if count <= maximumBatchCount {
                items.append(try item(text, &scanner, depth: 1))
            } else {
                try scanner.scanValue(depth: 1)
            }
        }
        guard count > 0 else { return .unreadable(.invalidRequest) }
        guard count <= maximumBatchCount else {
            return .unreadable(.invalidRequest("A batch may hold at most \(maximumBatchCount) requests. Send several."))
        }
        return .batch(items)
    }

    /// Reads one value, whatever it is. `depth` is the number of arrays around it.
    private static func item(_ text: [UInt8], _ scanner: inout JSONScanner, depth: Int) throws(JSONSyntaxError) -> RPCItem {
        guard try scanner.peek() == UInt8(ascii: "{") else {
            try scanner.scanValue(depth: depth)
            return .invalid(.invalidRequest, id: nil)
        }
        let members = try JSONMembers(["jsonrpc", "method", "params", "id"], of: text, scanning: &scanner, depth: depth)
        return RPCItem(members)
    }
}

extension RPCItem {
    /// Judges an object.
    fileprivate init(_ members: JSONMembers) {
        var id: RPCID?
        if let value = members["id"] {
            guard !members.isRepeated("id"), let read = RPCID(value) else {
                self = .invalid(
                    .invalidRequest("An id must be a string, a number or null, once, and at most \(RPCID.maximumBytes) bytes long."),
                    id: nil
                )
                return
            }
            id = read
        }
        guard !members.hasRepetition else {
            self = .invalid(.invalidRequest("The members jsonrpc, method and params may occur only once."), id: id)
            return
        }
        guard members.string("jsonrpc") == "2.0", let method = members.string("method") else {
            self = .invalid(.invalidRequest, id: id)
            return
        }
        self = .request(RPCRequest(id: id, method: method, params: RPCParams(members["params"])))
    }
}

extension RPCID {
    /// Nil unless the value may be an id.
    fileprivate init?(_ json: ArraySlice<UInt8>) {
        guard json.count <= Self.maximumBytes, let first = json.first else { return nil }
        switch first {
        case UInt8(ascii: "\""), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "n"): self.init(json: Array(json))
        default: return nil
        }
    }
}

extension RPCParams {
    fileprivate init(_ json: ArraySlice<UInt8>?) {
        switch json?.first {
        case nil: self = .none
        case UInt8(ascii: "{"): self = .named(json.map { Array($0) } ?? [])
        case UInt8(ascii: "["): self = .positional(json.map { Array($0) } ?? [])
        default: self = .unusable
        }
    }
}
