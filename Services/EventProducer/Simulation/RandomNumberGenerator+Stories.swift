import Basics
import EventModel

extension RandomNumberGenerator {
    /// Returns true with probability `numerator` / `denominator`.
    mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
        Int.random(in: 0..<denominator, using: &self) < numerator
    }

    /// Returns a random element of a non-empty collection.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }

    /// Returns a random whole number of seconds.
    mutating func seconds(_ range: ClosedRange<Int>) -> Duration {
        .seconds(Int.random(in: range, using: &self))
    }

    /// Returns an id like those of producers: a prefix and a ULID.
    mutating func identifier(_ prefix: String, at now: Timestamp) -> String {
        "\(prefix)_\(ULID.generate(time: now, using: &self))"
    }
}
