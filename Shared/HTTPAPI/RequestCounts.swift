public import HTTPTypes
import Synchronization

/// Counts requests by route, method and status of the answer, for metrics. Any thread.
///
/// Bounded: a route is the pattern that was registered, such as `/v1/events/{id}`, never a path as a client wrote it, and methods that no route
/// has share a label.
public final class RequestCounts: Sendable {
    /// What is counted together.
    public struct Key: Sendable, Hashable {
        /// The route's pattern; ``RequestCounts/noRoute`` without one.
        public let route: String
        /// The method; ``RequestCounts/otherMethod`` for one that the HTTP standards do not define.
        public let method: String
        /// The status code of the answer.
        public let status: Int

        /// Creates a key.
        public init(route: String, method: String, status: Int) {
            self.route = route
            self.method = method
            self.status = status
        }
    }

    /// The requests to the public listener of this process.
    public static let ofProcess = RequestCounts()

    /// The route of requests that no route takes, and of those that are not HTTP.
    public static let noRoute = "none"
    /// The method of requests whose method is unknown.
    public static let otherMethod = "other"

    private static let methods: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect]

    private let counts = Mutex<[Key: Int]>([:])

    /// Creates counts of zero.
    public init() {}

    /// Counts a request.
    ///
    /// - Parameters:
    ///   - route: The pattern of the request's route; nil for a request without a route.
    ///   - method: Nil for bytes that are not HTTP.
    ///   - status: The status code of the answer.
    public func add(route: String?, method: HTTPRequest.Method?, status: Int) {
        let labels = Self.labels(route: route, method: method)
        let key = Key(route: labels.route, method: labels.method, status: status)
        counts.withLock { $0[key, default: 0] += 1 }
    }

    /// Returns the bounded labels of a request, for metrics and the names of spans.
    ///
    /// - Parameters:
    ///   - route: The pattern of the request's route; nil for a request without a route.
    ///   - method: Nil for bytes that are not HTTP.
    static func labels(route: String?, method: HTTPRequest.Method?) -> (method: String, route: String) {
        (method.flatMap { methods.contains($0) ? $0.rawValue : nil } ?? otherMethod, route ?? noRoute)
    }

    /// The counts since the start.
    public var all: [Key: Int] { counts.withLock { $0 } }
}
