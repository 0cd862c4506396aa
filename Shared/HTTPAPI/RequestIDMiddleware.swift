import AccessControl
public import Basics
import EventModel
import HTTPTypes
public import Hummingbird

/// Gives every request an id and every response the header `X-Request-Id` (contract §1). Comes first, so that no answer is without.
public struct RequestIDMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    /// The longest id that is taken from a client, in characters.
    static let maximumLength = 128

    private let now: WallClock

    /// - Parameter now: milliseconds since 1970 UTC, for ids made here.
    public init(now: @escaping WallClock = SystemClock.now) {
        self.now = now
    }

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let id = Self.accepted(request.headers[values: .requestID]) ?? Self.makeID(now: now)
        var context = context
        context.setRequestID(id)
        var response = try await next(request, context)
        response.headers[.requestID] = id
        return response
    }

    /// The client's id, if there is one and it can harm neither a log nor a header.
    static func accepted(_ ids: [String]) -> String? {
        guard ids.count == 1, let id = ids.first, (1...maximumLength).contains(id.utf8.count) else { return nil }
        return id.utf8.allSatisfy(isSane) ? id : nil
    }

    private static func isSane(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    /// A new id.
    /// - Parameter now: milliseconds since 1970 UTC.
    public static func makeID(now: WallClock = SystemClock.now) -> String {
        return "req_" + ULID.generate(time: Timestamp(millisecondsSinceEpoch: now()))
    }
}
