/// How much of one share a tenant uses in one process (contract §10, Shares).
package struct ShareUse: Codable, Sendable, Hashable {
    /// The share: `connections`, `requests`, `events`, `bytes`, `commands`.
    package var name: String
    /// The part in use now, of ``limit``: places that are taken, or the part of the burst that is used up. Nil without a limit, unless places are counted.
    package var used: Int?
    /// What is refused beyond: the number of places, or the burst. Nil without a limit.
    package var limit: Int?
    /// The rate in the long run, in units a second; nil for places, and without a limit.
    package var perSecond: Double?
    /// The usage in the last minute; nil for places.
    package var lastMinute: Int?

    /// Creates the use of places, which are taken and given back.
    ///
    /// - Parameter limit: 0 for no limit.
    package static func places(_ name: String, taken: Int, limit: Int) -> ShareUse {
        ShareUse(name: name, used: taken, limit: limit > 0 ? limit : nil)
    }

    /// Creates the use of a rate.
    ///
    /// - Parameters:
    ///   - lastMinute: the usage in the last minute.
    ///   - limit: the burst, what is left of it now, and the rate in the long run in units a second; nil without a limit.
    package static func rate(_ name: String, lastMinute: Int, limit: (burst: Int, left: Int, perSecond: Double)?) -> ShareUse {
        ShareUse(
            name: name,
            used: limit.map { min(max(0, $0.burst - $0.left), $0.burst) },
            limit: limit?.burst,
            perSecond: limit?.perSecond,
            lastMinute: lastMinute
        )
    }
}
