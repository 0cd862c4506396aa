import Basics

extension BoundedFile.ReadError {
    /// Why a file was not read, to stand behind its path in an error message.
    func reason(limit: Int) -> String {
        systemMessage.map { "cannot be read (\($0))" } ?? "is larger than \(ByteSizeText.show(limit))"
    }
}
