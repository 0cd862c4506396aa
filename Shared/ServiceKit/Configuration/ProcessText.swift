#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Validates the encoding of the process's command line and environment.
///
/// The standard library replaces invalid UTF-8 with U+FFFD, so that different names would become one (contract §0).
public enum ProcessText {
    /// Throws unless the process's arguments, and the environment variables of the keys, are UTF-8. The error names the option or variable.
    public static func check(_ schema: ConfigurationSchema) throws(ConfigurationError) {
        let arguments = (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0].map(bytes) }
        try check(arguments: Array(arguments.dropFirst()))
        let names = (schema.options + schema.formerKeys).map(\.environmentName)
        try check(variables: names.compactMap { name in getenv(name).map { (name, bytes($0)) } })
    }

    /// - Parameter arguments: the command line, without the program's name.
    static func check(arguments: [[UInt8]]) throws(ConfigurationError) {
        for (index, argument) in arguments.enumerated() where String(validating: argument, as: UTF8.self) == nil {
            let option = argument.starts(with: "--".utf8) ? argument : index > 0 ? arguments[index - 1] : []
            let name = String(decoding: option.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            let shown = name.hasPrefix("--") ? ShownText.bounded(name) : "argument \(index + 1)"
            throw .usage("\(shown) is not UTF-8: encode its value as UTF-8")
        }
    }

    static func check(variables: [(name: String, value: [UInt8])]) throws(ConfigurationError) {
        for (name, value) in variables where String(validating: value, as: UTF8.self) == nil {
            throw .configuration("the environment variable \(name) is not UTF-8: encode its value as UTF-8")
        }
    }

    private static func bytes(_ text: UnsafeMutablePointer<CChar>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}
