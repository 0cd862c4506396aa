import Basics
import EventModel

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
