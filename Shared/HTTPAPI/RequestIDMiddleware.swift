import AccessControl
public import Basics
import EventModel
import HTTPTypes
public import Hummingbird

/// Assigns a request id and sets `X-Request-Id` on every response (contract §1). Must be outermost.
public struct RequestIDMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    /// Maximum length of a client's id, in characters.
    static let maximumLength = 128

    private let now: WallClock

    /// - Parameter now: milliseconds since 1970 UTC, for generated ids.
    public init(now: @escaping WallClock = SystemClock.now) {
        self.now = now
    }

    /// Takes the client's id or generates one, then calls `next`.
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

    /// Returns the client's id, if it is safe for logs and headers.
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

    /// Generates an id.
    /// - Parameter now: milliseconds since 1970 UTC.
    public static func makeID(now: WallClock = SystemClock.now) -> String {
        return "req_" + ULID.generate(time: Timestamp(millisecondsSinceEpoch: now()))
    }
}
