/// Rows of figures under a few columns, as plain text.
struct Table {
    private let titleWidth: Int
    private let columnWidth: Int

    /// Everything so far.
    private(set) var text: String

    init(columns: [String], titleWidth: Int = 40, columnWidth: Int = 18) {
        self.titleWidth = titleWidth
        self.columnWidth = columnWidth
        text = ""
        row("", columns)
    }

    /// Begins a group of rows.
    mutating func section(_ title: String) {
        text += "\n\(title)\n"
    }

    /// One row; a column without a figure has a dash.
    mutating func row(_ title: String, _ columns: [String?]) {
        var line = "  " + title + String(repeating: " ", count: max(1, titleWidth - title.count))
        for column in columns {
            let column = column ?? "–"
            line += String(repeating: " ", count: max(1, columnWidth - column.count)) + column
        }
        text += line + "\n"
    }
}
