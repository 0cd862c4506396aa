/// Builds a JSON object with ordered members, for the process's own payloads and answers.
package struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    /// A JSON value.
    package enum Value: Sendable {
        case null
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case string(String)
        case array([Value])
        case object(JSONObject)
        /// JSON text in UTF-8, inserted unchanged. The caller has validated it.
        case json([UInt8])
    }

    private var members: [(name: String, value: Value)]

    package init(dictionaryLiteral elements: (String, Value)...) {
        members = elements.map { (name: $0.0, value: $0.1) }
    }

    /// Whether it has no members.
    package var isEmpty: Bool { members.isEmpty }

    /// Appends a member.
    package mutating func append(_ name: String, _ value: Value) {
        members.append((name: name, value: value))
    }

    /// Appends a text member; nothing for nil.
    package mutating func append(_ name: String, text: String?) {
        if let text { append(name, .string(text)) }
    }

    /// The JSON text in UTF-8, on one line.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    /// ``bytes`` as text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    fileprivate func append(to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            JSONString.append(member.name, to: &out)
            out.append(UInt8(ascii: ":"))
            member.value.append(to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }
}

extension JSONObject.Value {
    /// Creates an array of texts.
    package static func strings(_ values: [String]) -> Self { .array(values.map { .string($0) }) }

    /// Creates an array of integers.
    package static func integers(_ values: [Int]) -> Self { .array(values.map { .integer($0) }) }

    /// The JSON text in UTF-8, on one line.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    fileprivate func append(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .boolean(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): out.append(contentsOf: String(value).utf8)
        // JSON has no NaN or infinity.
        case .number(let value): out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): JSONString.append(value, to: &out)
        case .object(let value): value.append(to: &out)
        case .json(let text): out.append(contentsOf: text)
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                value.append(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        }
    }
}

extension JSONObject.Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(nilLiteral: ()) { self = .null }
}
