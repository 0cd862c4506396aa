extension String {
    /// Truncates the text with an ellipsis to at most `maximumBytes` bytes of UTF-8.
    ///
    /// Cuts between characters. A character can have any number of bytes (a letter with a thousand accents); if the first one is too long, it
    /// cuts between code points.
    ///
    /// - Parameter maximumBytes: At least 3, the size of the ellipsis.
    package func bounded(toBytes maximumBytes: Int) -> String {
        guard utf8.count > maximumBytes else { return self }
        let room = maximumBytes - Self.ellipsis.utf8.count
        var end = startIndex
        var bytes = 0
        while end < endIndex {
            let next = index(after: end)
            bytes += utf8.distance(from: end, to: next)
            guard bytes <= room else { break }
            end = next
        }
        if end == startIndex {
            bytes = 0
            for scalar in unicodeScalars {
                bytes += UTF8.width(scalar)
                guard bytes <= room else { break }
                end = unicodeScalars.index(after: end)
            }
        }
        return self[..<end] + Self.ellipsis
    }

    private static let ellipsis = "…"
}
