import Basics
public import EventModel

extension QueryParameters {
    /// Returns the event types of one or several `types` parameters (contract §2); nil for all.
    ///
    /// - Throws: `validation_error` for an invalid type.
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
