/// A plain-text table: rows of figures under a few columns.
struct Table {
    private let titleWidth: Int
    private let columnWidth: Int

    /// The text so far.
    private(set) var text: String

    init(columns: [String], titleWidth: Int = 40, columnWidth: Int = 18) {
        self.titleWidth = titleWidth
        self.columnWidth = columnWidth
        text = ""
        row("", columns)
    }

    /// Starts a group of rows.
    mutating func section(_ title: String) {
        text += "\n\(title)\n"
    }

    /// Adds a row; a column without a figure has a dash.
    mutating func row(_ title: String, _ columns: [String?]) {
        var line = "  " + title + String(repeating: " ", count: max(1, titleWidth - title.count))
        for column in columns {
            let column = column ?? "–"
            line += String(repeating: " ", count: max(1, columnWidth - column.count)) + column
        }
        text += line + "\n"
    }
}
