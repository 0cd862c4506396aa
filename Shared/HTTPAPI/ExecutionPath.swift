public import Basics
public import EventModel

extension APIRequestContext {
    /// The agent or workflow that the part `name` of the path names (contract §9).
    ///
    /// - Throws: `validation_error` for a name that cannot be one.
    public func execution(_ kind: ExecutionReference.Kind, of tenant: Tenant) throws(APIError) -> ExecutionReference {
        let word = kind == .agents ? "name" : "id"
        guard let name = decodedPathParameter("name") else {
            throw .validation("\(word): must be percent-encoded UTF-8, with two hexadecimal digits behind every %.")
        }
        do throws(ValidationError) {
            return ExecutionReference(tenant: tenant, kind: kind, name: try ExecutionName(name, field: word))
        } catch {
            throw APIError(error)
        }
    }
}
