import Basics
import EventModel
import NATSClient

/// Whose past is read: a tenant's events, or those of something that runs.
enum LogSource: Sendable, Hashable {
    case events(of: Tenant)
    case execution(ExecutionReference)

    /// What its messages are told apart by. No two sources have the same.
    var key: String {
        switch self {
        case .events(let tenant): SubjectToken.encode(tenant)
        case .execution(let reference): reference.subject
        }
    }

    /// The key of the source that a message belongs to: the subject's token of the tenant, which has no dot, or a whole subject.
    static func key(of subject: UnsafeRawBufferPointer) -> String? {
        if ExecutionMessage.isOfExecution(subject) { return String(decoding: subject, as: UTF8.self) }
        return EventMessage.tenantToken(of: subject)
    }
}
