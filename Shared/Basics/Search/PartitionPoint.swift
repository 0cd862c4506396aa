extension Range<Int> {
    /// Returns the partition point, by binary search: the first index for which `predicate` is true; the upper bound without one.
    ///
    /// - Parameter predicate: true for every index after one for which it is true.
    @inlinable
    package func partitionPoint(where predicate: (Int) -> Bool) -> Int {
        var (low, high) = (lowerBound, upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if predicate(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
