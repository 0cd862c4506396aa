public import Basics
public import EventModel
import NATSClient

/// A source of events, live or past: a tenant, or an agent or workflow.
public enum LogSource: Sendable, Hashable {
    /// The events of a tenant, without those of its executions.
    case events(of: Tenant)
    /// The events of an agent or a workflow, over all its executions.
    case execution(ExecutionReference)

    /// The tenant that owns the events.
    public var tenant: Tenant {
        switch self {
        case .events(let tenant): tenant
        case .execution(let reference): reference.tenant
        }
    }

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
