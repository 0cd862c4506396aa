extension String {
    /// The text, or the beginning of it with an ellipsis behind, so that it has at most `maximumBytes` bytes of UTF-8.
    ///
    /// It is cut between two characters. One character can have any number of bytes (a letter with a thousand accents); where the first one alone
    /// is too long, it is cut between two code points.
    ///
    /// - Parameter maximumBytes: at least 3, which the ellipsis takes.
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
