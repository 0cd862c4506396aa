import Basics
import EventModel

/// Sebastiano Vigna's SplitMix64: the same seed gives the same sequence on every machine, so that a simulation can be repeated.
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension RandomNumberGenerator {
    /// True `numerator` times in `denominator`.
    mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
        Int.random(in: 0..<denominator, using: &self) < numerator
    }

    /// Any one of the elements, of which there must be some.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }

    /// A whole number of seconds.
    mutating func seconds(_ range: ClosedRange<Int>) -> Duration {
        .seconds(Int.random(in: range, using: &self))
    }

    /// An id as producers make them: a prefix and a ULID.
    mutating func identifier(_ prefix: String, at now: Timestamp) -> String {
        "\(prefix)_\(ULID.generate(time: now, using: &self))"
    }
}
