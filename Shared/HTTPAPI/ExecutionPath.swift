public import Basics
public import EventModel

extension APIRequestContext {
    /// Returns the agent or workflow of the path parameter `name` (contract §9).
    ///
    /// - Throws: `validation_error` for an invalid name.
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
