/// Why a load cannot be made or its figures would not be true: a sentence that says what to do.
public struct LoadError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
