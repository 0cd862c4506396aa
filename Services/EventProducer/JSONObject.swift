import Basics
import EventModel

/// A flat JSON object whose members keep the order in which they were written, for the payloads and answers that this process makes itself.
struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    /// The value of a member.
    enum Value: Sendable {
        case null
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case string(String)
        case strings([String])
        case integers([Int])
    }

    private var members: [(name: String, value: Value)]

    init(dictionaryLiteral elements: (String, Value)...) {
        members = elements.map { (name: $0.0, value: $0.1) }
    }

    /// Adds a member at the end.
    mutating func append(_ name: String, _ value: Value) {
        members.append((name: name, value: value))
    }

    /// The JSON text in UTF-8, on one line.
    var bytes: [UInt8] {
        var out = Array("{".utf8)
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            JSONString.append(member.name, to: &out)
            out.append(UInt8(ascii: ":"))
            member.value.append(to: &out)
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    /// ``bytes`` as text.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSONObject.Value {
    fileprivate func append(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .boolean(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): out.append(contentsOf: String(value).utf8)
        // JSON has no spelling for what is not a number.
        case .number(let value): out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): JSONString.append(value, to: &out)
        case .integers(let values):
            out.append(contentsOf: "[\(values.map(String.init).joined(separator: ","))]".utf8)
        case .strings(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONString.append(value, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        }
    }
}

extension JSONObject.Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
    init(nilLiteral: ()) { self = .null }
}
