import AccessControl
import Basics
import EdgeRuntime
import EventLog
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird
import Logging

// What the surfaces of this edge share where a request becomes a response that a delivery loop writes.

extension Edge {
    /// Admits a stream and hands its connection to a delivery loop.
    ///
    /// - Returns: why not; nil when the connection has left NIO, so that an answer there is not sent.
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
    /// The head of a response that ends with its connection: `fields`, and what each response says of its request.
    static func ofStream(_ fields: HTTPFields, to request: Request, _ identity: RequestIdentity, _ origins: OriginPolicy) -> [UInt8] {
        var fields = fields
        fields[.connection] = "close"
        fields[.requestID] = identity.requestID
        fields.append(contentsOf: origins.responseFields(to: request.head))
        return bytes(status: .ok, fields: fields)
    }
}
