import Basics
public import EventModel

extension QueryParameters {
    /// The event types that `types` names, in one or several parameters (contract §2); nil for all.
    ///
    /// - Throws: `validation_error` for what names no type.
    public func typeFilter() throws(APIError) -> TypeFilter? {
        let types = try values("types")
        guard !types.isEmpty else { return nil }
        do throws(ValidationError) {
            return try TypeFilter(query: types.joined(separator: ","))
        } catch {
            throw APIError(error)
        }
    }
}
