/// A row of the suite's table: a figure with one value per round, and its reference.
struct SuiteRow: Sendable {
    /// The reference of a figure, measured in the same rounds.
    struct Reference: Sendable {
        let name: String
        let values: [Double]
    }

    let title: String
    let unit: String
    /// Digits after the point.
    let digits: Int
    let values: [Double]
    var reference: Reference?
    /// The target of the issue or the design: for the ratio if there is a reference, else for the figure.
    let target: String

    /// Returns the columns of the table.
    func columns() -> [String?] {
        let figure = Figure.median(values).map { "\(Figure.text($0, digits: digits)) \(unit)" }
        let beside = reference.flatMap { reference in
            Figure.median(reference.values).map { "\(reference.name) \(Figure.text($0, digits: digits))" }
        }
        let ratios = reference.map { zip(values, $0.values).map { $0 / $1 } } ?? []
        let spread = reference == nil ? nil : Figure.spread(ratios)
        return [figure, beside, spread, target]
    }
}
