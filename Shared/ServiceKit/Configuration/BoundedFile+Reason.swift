import Basics

extension BoundedFile.ReadError {
    /// Returns why a file was not read, to follow its path in an error message.
    func reason(limit: Int) -> String {
        systemMessage.map { "cannot be read (\($0))" } ?? "is larger than \(ByteSizeText.show(limit))"
    }
}
