extension QueryParameters {
    /// Reads the page size, `limit`: from 1 to 200, 50 when absent.
    ///
    /// - Throws: `validation_error`.
    public func pageLimit() throws(APIError) -> Int {
        guard let text = try value("limit") else { return 50 }
        guard let limit = Int(text), (1...200).contains(limit), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .validation("limit: must be a whole number from 1 to 200.")
        }
        return limit
    }
}
