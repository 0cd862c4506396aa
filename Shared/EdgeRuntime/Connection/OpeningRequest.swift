import Basics

/// The id and the trace of the request that opened a connection: without memory of their own for a generated id (`req_` and a ULID) without a trace,
/// which is what most have.
struct OpeningRequest: Sendable {
    private enum Form: Sendable {
        /// The halves of the ULID.
        case generated(UInt64, UInt64)
        case other(Texts)
    }

    private final class Texts: Sendable {
        let id: String
        let traceID: String?

        init(id: String, traceID: String?) {
            self.id = id
            self.traceID = traceID
        }
    }

    private static let prefix = "req_"

    private let form: Form

    init(id: String, traceID: String?) {
        if traceID == nil, id.hasPrefix(Self.prefix), let ulid = CrockfordBase32.decode(id.utf8.dropFirst(Self.prefix.utf8.count)) {
            form = .generated(UInt64(truncatingIfNeeded: ulid >> 64), UInt64(truncatingIfNeeded: ulid))
        } else {
            form = .other(Texts(id: id, traceID: traceID))
        }
    }

    /// The request's id.
    var id: String {
        switch form {
        case .generated(let high, let low):
            var bytes = [UInt8](Self.prefix.utf8)
            CrockfordBase32.append(UInt128(high) << 64 | UInt128(low), to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        case .other(let texts): return texts.id
        }
    }

    /// The id of its trace; nil without one.
    var traceID: String? { if case .other(let texts) = form { texts.traceID } else { nil } }
}
