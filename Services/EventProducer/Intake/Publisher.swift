import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI

/// Who sends events, and for which tenants (contract §10): a service with the role `producer` for any, an `admin` for its own.
struct Publisher: Sendable {
    /// Who may send events at all.
    static let roles: Set<Role> = [.producer, .admin]

    /// The tenant of the token.
    let home: Tenant
    /// Whether it may publish for other tenants.
    let mayNameTenants: Bool

    /// - Throws: `forbidden` without either role.
    init(_ principal: Principal) throws(APIError) {
        guard principal.has(anyOf: Self.roles) else { throw .missingRole(anyOf: Self.roles) }
        home = principal.tenant
        mayNameTenants = principal.has(anyOf: [.producer])
    }

    /// - Throws: `forbidden` for a tenant that the sender may not publish for.
    func checkMayPublish(for tenant: Tenant) throws(APIError) {
        guard tenant == home || mayNameTenants else {
            throw .forbidden("tenant: is not your token's tenant; leave it out, or use a token with the role producer.")
        }
    }

    /// The events of a request, each with its tenant, id and time.
    ///
    /// - Parameters:
    ///   - key: from which ids are made, where the producer gave none; nil for ids that no repetition has.
    ///   - names: what the form calls the parts of an event.
    ///   - trace: the trace of the request, for events that name none of their own.
    ///   - now: the time of events that have none.
    /// - Throws: `forbidden` for the first that names a tenant the sender may not, `validation_error` for the first of a type that only approvals write.
    func events(
        _ drafts: [EventDraft],
        key: RequestKey?,
        names: ContentMode,
        trace: TraceParent?,
        now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) throws(APIError) -> [Event] {
        var events: [Event] = []
        events.reserveCapacity(drafts.count)
        for (index, draft) in drafts.enumerated() {
            func place(_ field: String) -> String { names.field(drafts.count > 1 ? "[\(index)].\(field)" : field) }
            let tenant = draft.tenant ?? home
            guard tenant == home || mayNameTenants else {
                throw .forbidden("\(place("tenant")): is not your token's tenant; leave it out, or use a token with the role producer.")
            }
            // Who may not decide an approval must not be able to say that it is decided (contract §10).
            guard mayNameTenants || !EventCatalogue.isWrittenByApprovals(draft.type) else {
                throw .validation(
                    """
                    \(place("type")): \(draft.type) follows from the decision about an approval and takes a token with the role producer; decide \
                    the approval instead.
                    """
                )
            }
            let id = key?.eventID(at: index) ?? EventID(generated: ULID.generate(time: now, using: &generator))
            do throws(ValidationError) {
                var event = try draft.resolve(tenant: tenant, id: id, time: now)
                event.traceparent = event.traceparent ?? trace?.text
                events.append(event)
            } catch {
                throw APIError(error)
            }
        }
        return events
    }
}
