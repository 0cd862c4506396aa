extension Duration {
    /// Whole nanoseconds, rounded towards zero; at the ends of `Int64` (292 years) it stays there.
    package var nanoseconds: Int64 { whole(perSecond: 1_000_000_000, attosecondsPerUnit: 1_000_000_000) }

    /// Whole milliseconds, rounded towards zero; at the ends of `Int64` it stays there.
    package var milliseconds: Int64 { whole(perSecond: 1000, attosecondsPerUnit: 1_000_000_000_000_000) }

    private func whole(perSecond: Int64, attosecondsPerUnit: Int64) -> Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: perSecond)
        let (sum, carry) = product.addingReportingOverflow(attoseconds / attosecondsPerUnit)
        return overflow || carry ? (seconds < 0 ? .min : .max) : sum
    }
}
