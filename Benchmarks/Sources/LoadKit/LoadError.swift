/// Why a load failed, or why its figures would be wrong: a message with the remedy.
public struct LoadError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
