public import Basics

/// The place of a revocation in the list of its tenant's: a tenant has one for each `jti` and one for each user.
public enum RevocationPlace: Sendable, Hashable, Comparable {
    /// The one of a token; before all users.
    case token(TokenID)
    /// The one of a user.
    case user(UserID)

    private static let tokenPrefix = "jti:"
    private static let userPrefix = "sub:"

    /// The place of a revocation.
    public init(_ revocation: Revocation) {
        switch revocation.target {
        case .token(let id): self = .token(id)
        case .user(let user, _): self = .user(user)
        }
    }

    /// Reads ``cursor``; nil for another text.
    public init?(cursor: String) {
        if let text = Self.text(of: cursor, behind: Self.tokenPrefix), let id = try? TokenID(text) {
            self = .token(id)
        } else if let text = Self.text(of: cursor, behind: Self.userPrefix), let user = try? UserID(text) {
            self = .user(user)
        } else {
            return nil
        }
    }

    /// By bytes: as a character, the colon includes an accent with which an id begins.
    private static func text(of cursor: String, behind prefix: String) -> String? {
        guard cursor.utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: cursor.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// The text from which a client continues the list.
    public var cursor: String {
        switch self {
        case .token(let id): Self.tokenPrefix + id.text
        case .user(let user): Self.userPrefix + user.text
        }
    }
}

/// The smallest of many places, in order: a page of a list that is not kept sorted.
struct SmallestPlaces {
    private let limit: Int
    private(set) var places: [RevocationPlace] = []

    /// - Parameter limit: how many to keep; greater than 0.
    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a place, unless it is not behind `start`, or `limit` smaller ones are known.
    mutating func insert(_ place: RevocationPlace, behind start: RevocationPlace?) {
        if let start, place <= start { return }
        if places.count == limit {
            guard let last = places.last, place < last else { return }
            places.removeLast()
        }
        places.insert(place, at: index(of: place))
    }

    /// The index of the first place that is not smaller.
    private func index(of place: RevocationPlace) -> Int {
        var range = places.startIndex..<places.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if places[middle] < place { range = middle + 1..<range.upperBound } else { range = range.lowerBound..<middle }
        }
        return range.lowerBound
    }
}
