import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI

/// The sender of a request, with the tenants that it may publish for (contract §10): any with the role `producer`, its own with the role
/// `admin`.
struct Publisher: Sendable {
    /// Roles that may send events.
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

    /// Returns the events of a request with tenant, id and time.
    ///
    /// - Parameters:
    ///   - key: derives the ids of events without id, so that a retry repeats them; nil for random ids.
    ///   - names: names of fields in error messages.
    ///   - trace: the request's trace, for events without one.
    ///   - now: the time of events without one.
    /// - Throws: `forbidden` for the first event of a tenant that the sender may not publish for, `validation_error` for the first event of
    ///   a type that only the approval API or the dispatcher of webhooks writes.
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
        // By index: a loop over elements copies each.
        for index in drafts.indices {
            func place(_ field: String) -> String { names.field(drafts.count > 1 ? "[\(index)].\(field)" : field) }
            let tenant = drafts[index].tenant ?? home
            guard tenant == home || mayNameTenants else {
                throw .forbidden("\(place("tenant")): is not your token's tenant; leave it out, or use a token with the role producer.")
            }
            // Only the approval API may record that an approval is decided (contract §10).
            guard mayNameTenants || !EventCatalogue.isWrittenByApprovals(drafts[index].type) else {
                throw .validation(
                    """
                    \(place("type")): \(drafts[index].type) follows from the decision about an approval and takes a token with the role producer; decide \
                    the approval instead.
                    """
                )
            }
            // What a tenant could publish itself would say nothing about an endpoint (contract §14).
            guard mayNameTenants || !EventCatalogue.isWrittenByWebhooks(drafts[index].type) else {
                throw .validation(
                    "\(place("type")): \(drafts[index].type) is written by the dispatcher of webhooks; choose another type, or use a token with the role producer."
                )
            }
            let id = key?.eventID(at: index) ?? EventID(generated: ULID.generate(time: now, using: &generator))
            do throws(ValidationError) {
                var event = try drafts[index].resolve(tenant: tenant, id: id, time: now)
                event.traceparent = event.traceparent ?? trace?.text
                events.append(event)
            } catch {
                throw APIError(error)
            }
        }
        return events
    }
}
