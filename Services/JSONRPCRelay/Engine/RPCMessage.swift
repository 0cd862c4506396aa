import Basics
import EventModel

/// The parsed form of one text of a client (JSON-RPC 2.0 §4, §6). It is parsed whole before any call runs.
enum RPCMessage: Hashable, Sendable {
    /// The most requests in one batch.
    static let maximumBatchCount = 100

    /// A single call.
    case single(RPCItem)
    /// At least one call, to be answered together.
    case batch([RPCItem])
    /// Malformed; the whole text gets one answer, with id null.
    case unreadable(RPCError)

    /// Parses a text. Nesting deeper than ``JSONScanner/maximumDepth`` counts as a syntax error.
    init(reading text: [UInt8]) {
        do throws(JSONSyntaxError) {
            self = try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) in
                scanner.skipWhitespace()
                // A duplicate member is an error of one request, not of the whole text.
                scanner.toleratesRepetition = true
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

    /// Reads one value of any kind. `depth` is the number of enclosing arrays.
    private static func item(_ text: [UInt8], _ scanner: inout JSONScanner, depth: Int) throws(JSONSyntaxError) -> RPCItem {
        guard try scanner.peek() == UInt8(ascii: "{") else {
            try scanner.scanValue(depth: depth)
            return .invalid(.invalidRequest, id: nil)
        }
        scanner.repetition = nil
        let members = try JSONMembers(of: text, scanning: &scanner, depth: depth)
        return RPCItem(members, hasInnerRepetition: scanner.repetition != nil)
    }
}

extension RPCItem {
    /// Classifies an object.
    ///
    /// - Parameter hasInnerRepetition: whether a nested object has a duplicate member.
    fileprivate init(_ members: JSONMembers, hasInnerRepetition: Bool) {
        // Some serialisers write unused members as null.
        let hasMethod = members.hasValue("method")
        guard hasMethod || !members.contains("result") && !members.contains("error") else {
            self = .response
            return
        }
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
            self = .invalid(.repeatedMember, id: id)
            return
        }
        guard members.text("jsonrpc") == "2.0", let method = members.text("method") else {
            self = .invalid(.invalidRequest, id: id)
            return
        }
        let params = hasInnerRepetition ? .unusable(.repeatedMember) : RPCParams(members["params"])
        self = .request(RPCRequest(id: id, method: method, params: params))
    }
}

extension RPCID {
    /// Nil unless the value is a valid id.
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
        case nil, UInt8(ascii: "n"): self = .none
        case UInt8(ascii: "{"): self = .named(json.map { Array($0) } ?? [])
        case UInt8(ascii: "["): self = .positional(json.map { Array($0) } ?? [])
        default: self = .unusable(.invalidParams("params must be an object or an array, or not be there."))
        }
    }
}
