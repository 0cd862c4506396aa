import Basics
import EventModel

/// Encodes the relay's messages as JSON text (JSON-RPC 2.0 §5, §6; contract §6).
enum RPCEncoding {
    private static let head = Array(#"{"jsonrpc":"2.0","#.utf8)

    /// Encodes a success response; `result` is one valid JSON value.
    static func response(result: [UInt8], id: RPCID) -> [UInt8] {
        var out = head
        out.reserveCapacity(result.count + id.json.count + 40)
        out.append(contentsOf: #""id":"#.utf8)
        out.append(contentsOf: id.json)
        out.append(contentsOf: #","result":"#.utf8)
        out.append(contentsOf: result)
        out.append(UInt8(ascii: "}"))
        return out
    }

    /// Encodes an error response; nil for an unreadable id.
    static func response(error: RPCError, id: RPCID?) -> [UInt8] {
        var out = head
        out.append(contentsOf: #""id":"#.utf8)
        if let id {
            out.append(contentsOf: id.json)
        } else {
            out.append(contentsOf: "null".utf8)
        }
        out.append(contentsOf: #","error":{"code":"#.utf8)
        out.append(contentsOf: String(error.code).utf8)
        out.append(contentsOf: #","message":"#.utf8)
        JSONString.append(error.message, to: &out)
        if let data = error.data {
            out.append(contentsOf: #","data":"#.utf8)
            out.append(contentsOf: data)
        }
        out.append(contentsOf: "}}".utf8)
        return out
    }

    /// Encodes the answer to a batch.
    static func batch(_ responses: [[UInt8]]) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "[")]
        out.reserveCapacity(responses.reduce(2) { $0 + $1.count + 1 })
        out.append(contentsOf: responses.joined(separator: CollectionOfOne(UInt8(ascii: ","))))
        out.append(UInt8(ascii: "]"))
        return out
    }

    /// Encodes a notification; `params` is the JSON text of an object.
    static func notification(_ method: String, params: [UInt8]) -> [UInt8] {
        var out = head
        out.append(contentsOf: #""method":"#.utf8)
        JSONString.append(method, to: &out)
        out.append(contentsOf: #","params":"#.utf8)
        out.append(contentsOf: params)
        out.append(UInt8(ascii: "}"))
        return out
    }

    /// Encodes a command's progress: `<method>.progress`, with the request's id before the service's own members.
    ///
    /// - Parameter progress: the JSON text of an object without a member `requestId`.
    static func progress(of method: String, id: RPCID, _ progress: [UInt8]) -> [UInt8] {
        var params = Array(#"{"requestId":"#.utf8)
        params.append(contentsOf: id.json)
        let members = progress.drop { $0 != UInt8(ascii: "{") }.dropFirst()
        if members.first(where: { $0 > 0x20 }) != UInt8(ascii: "}") { params.append(UInt8(ascii: ",")) }
        params.append(contentsOf: members)
        return notification("\(method).progress", params: params)
    }

    /// Encodes a JSON object with string members, in that order, followed by members with the value true.
    static func object(_ members: KeyValuePairs<String, String>, true flags: String...) -> [UInt8] {
        var object: JSONObject = [:]
        for (name, value) in members { object.append(name, text: value) }
        for name in flags { object.append(name, true) }
        return object.bytes
    }
}
