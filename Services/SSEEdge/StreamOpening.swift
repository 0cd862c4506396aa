import AccessControl
import Basics
import EdgeRuntime
import EventLog
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird
import Logging

// Opening a stream: shared by the surfaces of this edge.

extension Edge {
    /// Admits a stream and moves its connection to a delivery loop.
    ///
    /// - Returns: the ending that refuses the stream; nil when the connection has left NIO, where a response is no longer sent.
    func open(_ stream: StreamRequest, _ context: APIRequestContext) async throws -> Ending? {
        let admission: Admission
        switch self.admit(tenant: stream.principal.tenant) {
        case .admitted(let taken): admission = taken
        case .refused(let ending): return ending
        }
        do throws(EventLogError) {
            try await self.adopt(context.channel, request: stream, admission: admission)
        } catch {
            context.logger.warning("cannot tell where a stream begins", metadata: [LogKey.error: "\(error)"])
            return .unavailable
        }
        return nil
    }
}

extension ResponseHead {
    /// Encodes the head of a response whose body ends with the connection: `fields`, and the fields of every response (request id, CORS).
    static func ofStream(_ fields: HTTPFields, to request: Request, _ identity: RequestIdentity, _ origins: OriginPolicy) -> [UInt8] {
        var fields = fields
        fields[.connection] = "close"
        fields[.requestID] = identity.requestID
        fields.append(contentsOf: origins.responseFields(to: request.head))
        return bytes(status: .ok, fields: fields)
    }
}
