/// One line of the suite's table: a figure, one value for each round, and what was measured beside it.
struct SuiteRow: Sendable {
    /// What the figure is compared with, measured in the same rounds.
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
    /// What issue or design ask for: of the ratio where there is one, otherwise of the figure.
    let target: String

    /// The table's columns.
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
