import Basics

extension JetStream {
    /// Changes a stream's maximum age and size. All other settings stay, including those that ``StreamConfiguration`` does not have.
    ///
    /// - Parameters:
    ///   - maxAge: zero for ever.
    ///   - maxBytes: -1 for no bound.
    /// - Throws: ``JetStreamError/Code/streamNotFound``, and the server's refusals.
    public func changeLimits(of stream: String, maxAge: Duration, maxBytes: Int64) async throws(JetStreamError) {
        try validate(names: stream)
        let present: Described = try await call("STREAM.INFO.\(stream)", EmptyBody())
        var configuration = present.configuration
        configuration["max_age"] = .integer(Int64(clamping: maxAge.nanoseconds))
        configuration["max_bytes"] = .integer(maxBytes)
        let _: Described = try await call("STREAM.UPDATE.\(stream)", configuration)
    }

    /// A stream's configuration as unparsed JSON.
    private struct Described: Decodable, Sendable {
        let configuration: [String: AnyJSON]

        private enum CodingKeys: String, CodingKey {
            case configuration = "config"
        }
    }

    /// Any JSON value, returned unchanged.
    private enum AnyJSON: Codable, Sendable {
        case null
        case boolean(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case array([AnyJSON])
        case object([String: AnyJSON])

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .null
            } else if let boolean = try? value.decode(Bool.self) {
                self = .boolean(boolean)
            } else if let integer = try? value.decode(Int64.self) {
                self = .integer(integer)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else if let string = try? value.decode(String.self) {
                self = .string(string)
            } else if let array = try? value.decode([AnyJSON].self) {
                self = .array(array)
            } else {
                self = .object(try value.decode([String: AnyJSON].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            switch self {
            case .null: try value.encodeNil()
            case .boolean(let boolean): try value.encode(boolean)
            case .integer(let integer): try value.encode(integer)
            case .number(let number): try value.encode(number)
            case .string(let string): try value.encode(string)
            case .array(let array): try value.encode(array)
            case .object(let object): try value.encode(object)
            }
        }
    }
}
