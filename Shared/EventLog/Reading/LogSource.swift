import Basics
import EventModel
import NATSClient

/// A source of past events: a tenant, or an agent or workflow.
enum LogSource: Sendable, Hashable {
    case events(of: Tenant)
    case execution(ExecutionReference)

    /// A unique key of the source.
    var key: String {
        switch self {
        case .events(let tenant): SubjectToken.encode(tenant)
        case .execution(let reference): reference.subject
        }
    }

    /// Returns the key of a message's source: the subject's tenant token, which has no dot, or the whole subject.
    static func key(of subject: UnsafeRawBufferPointer) -> String? {
        if ExecutionMessage.isOfExecution(subject) { return String(decoding: subject, as: UTF8.self) }
        return EventMessage.tenantToken(of: subject)
    }
}
