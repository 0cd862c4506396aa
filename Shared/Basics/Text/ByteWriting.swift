extension [UInt8] {
    /// Appends a literal's bytes.
    @inline(__always)
    package mutating func append(_ literal: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends `count` bytes that `fill` writes at the offsets 0..<`count`; much faster than one `append` per byte.
    @inline(__always)
    package mutating func append(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { buffer in
            guard let base = buffer.baseAddress else { return }
            fill(base)
            append(contentsOf: UnsafeBufferPointer(buffer))
        }
    }

    /// Appends `value` in decimal, zero-padded to `width` digits. `value` must not be negative.
    package mutating func appendDecimal(_ value: Int, width: Int = 1) {
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        let count = Swift.max(digits, width)
        append(count: count) { DecimalDigits.write(value, to: $0, width: count) }
    }

    /// Reserves `count` more bytes, at least doubling the capacity, so that appending stays linear.
    package mutating func reserve(more count: Int) {
        let needed = self.count + count
        if needed > capacity { reserveCapacity(Swift.max(needed, 2 * capacity)) }
    }
}

package enum DecimalDigits {
    /// Writes the last `width` digits of `value`.
    @inline(__always)
    package static func write(_ value: Int, to place: UnsafeMutablePointer<UInt8>, width: Int) {
        var rest = value
        for index in stride(from: width - 1, through: 0, by: -1) {
            place[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}
