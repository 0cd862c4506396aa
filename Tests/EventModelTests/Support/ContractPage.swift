import Foundation
import Testing

/// The tables of event types in `docs/contract.md`, as they are shown there.
enum ContractPage {
    /// A row of the catalogue.
    struct CatalogueRow: Sendable, Equatable, CustomTestStringConvertible {
        var type: String
        var identifiers: [String]
        var others: [String]
        /// `yes` or `—`.
        var notification: String
        /// The name of a family or `—`.
        var relay: String

        var testDescription: String { type }
    }

    /// A member that is checked when it is there.
    struct OptionalField: Sendable, Hashable {
        var type: String
        var name: String
        /// As the page has it; numbers without their commas.
        var rule: String
    }

    /// The rows of the catalogue, in the order of the page.
    static func catalogue() throws -> [CatalogueRow] {
        let columns = ["type", "required, an identifier", "required, any value", "notification", "relay"]
        return try rows(columns).map { cells in
            CatalogueRow(
                type: try #require(names(cells[0]).first),
                identifiers: names(cells[1]),
                others: names(cells[2]),
                notification: cells[3],
                relay: cells[4]
            )
        }
    }

    /// The members that are checked when they are there, one each.
    static func optionalFields() throws -> [OptionalField] {
        try rows(["type", "field", "rule"]).flatMap { cells in
            let type = try #require(names(cells[0]).first)
            return names(cells[1]).map { OptionalField(type: type, name: $0, rule: cells[2].replacing(",", with: "")) }
        }
    }

    /// The types that no tenant's own token may publish: those that the item "Written by … alone" names before it says what becomes of them.
    ///
    /// - Parameter writer: `approvals` or `webhooks`.
    static func written(by writer: String) throws -> [String] {
        let item = try #require(try text().components(separatedBy: "**Written by \(writer) alone**").dropFirst().first)
        return names(try #require(item.components(separatedBy: " are ").first))
    }

    /// The cells of the one table with these columns.
    private static func rows(_ columns: [String]) throws -> [[String]] {
        let lines = try text().components(separatedBy: "\n")
        let heads = lines.indices.filter { lines[$0].hasPrefix("|") && cells(lines[$0]) == columns }
        try #require(heads.count == 1, "docs/contract.md must have one table with the columns \(columns)")
        let rows = lines[heads[0]...].dropFirst(2).prefix { $0.hasPrefix("|") }.map(cells)
        try #require(!rows.isEmpty && rows.allSatisfy { $0.count == columns.count }, "the table of \(columns) has a row of another length")
        return rows
    }

    private static func cells(_ line: String) -> [String] {
        line.components(separatedBy: "|").dropFirst().dropLast().map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// What a text shows as code.
    private static func names(_ text: String) -> [String] {
        text.components(separatedBy: "`").enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
    }

    private static func text() throws -> String {
        let root = (0..<4).reduce(URL(filePath: #filePath)) { path, _ in path.deletingLastPathComponent() }
        return try String(contentsOf: root.appending(path: "docs/contract.md"), encoding: .utf8)
    }
}
